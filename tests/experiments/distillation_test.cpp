#include "experiments/stages/distillation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "experiments/about.h"
#include "experiments/reporter.h"
#include "experiments/run_directory.h"
#include "experiments/runner.h"
#include "framework/autograd/node.h"
#include "tests/experiments/quiet.h"
#include "tests/support/gradient_check.h"
#include "tests/support/temporary_directory.h"

namespace espalier {
namespace {

constexpr const char* kConfig = R"(
model = { kind = "resnet20", width = 2 }
data = { kind = "synthetic", train_images = 32, test_images = 16 }
batch = 16
[[stage]]
name = "teach"
epochs = 1
[[stage]]
name = "learn"
epochs = 1
distill = { teacher = "teach", temperature = 3.0, weight = 0.7 }
)";

std::vector<double> softmax(const std::vector<float>& logits, double temperature) {
  std::vector<double> p;
  for (const float z : logits) p.push_back(std::exp(double{z} / temperature));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& value : p) value /= sum;
  return p;
}

}  // namespace

TEST_CASE("a stage learns from an earlier one: the loss is Hinton's") {
  const testing::TemporaryDirectory directory;
  testing::Quiet quiet;
  ExperimentConfig config = read_experiment(parse_config_text(kConfig, "test.toml"));
  run_experiment(config, directory.path() / "run", quiet.reporter);

  const datasets::Splits data = config.data->load();
  const SavedModel teacher = load_model(directory.path() / "run" / "0-teach" / "checkpoint");
  MetricsFile metrics("unused");
  StageDirectory place(directory.path() / "run" / "1-learn", metrics);
  const StageContext context{{config, 1, *teacher.model, data}, "learn", place, quiet.reporter};
  train::Batch batch{testing::random_tensor({1, 3, 32, 32}, Layout::lanes, 5),
                     Tensor::zeros({1}, Layout::plain, DType::i32)};
  const Tensor logits = testing::random_tensor({1, 10}, Layout::lanes, 6);
  const Distillation distillation{"teach", 3.0, 0.7};
  const double loss = double{distillation.loss(context, 0.0)(logits, batch).item()};

  const NoGrad off;
  teacher.model->eval();
  const std::vector<double> hard = softmax(logits.to_vector(), 1.0), soft = softmax(logits.to_vector(), 3.0),
                            target = softmax((*teacher.model)(batch.images).to_vector(), 3.0);
  double soft_loss = 0.0;
  for (std::size_t k = 0; k < 10; ++k) soft_loss -= target[k] * std::log(soft[k]);
  CHECK(loss == doctest::Approx(0.3 * -std::log(hard[0]) + 0.7 * 9.0 * soft_loss).epsilon(1e-5));
}

TEST_CASE("a teacher that is not there, or takes other images, is an error") {
  const testing::TemporaryDirectory directory;
  testing::Quiet quiet;
  std::string text = kConfig;
  text.replace(text.find("\"teach\", temp"), 7, "\"nobody\"");
  ExperimentConfig config = read_experiment(parse_config_text(text, "test.toml"));
  CHECK_THROWS_WITH_AS(run_experiment(config, directory.path() / "run", quiet.reporter),
                       doctest::Contains("nobody"), Error);
}

}  // namespace espalier
