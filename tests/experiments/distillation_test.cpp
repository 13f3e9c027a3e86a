#include "experiments/stages/distillation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <vector>

#include "experiments/about.h"
#include "experiments/reporter.h"
#include "experiments/run_directory.h"
#include "experiments/runner.h"
#include "experiments/stages/caught_outputs.h"
#include "experiments/stages/feature_distance.h"
#include "framework/autograd/node.h"
#include "framework/optim/sgd.h"
#include "framework/tensor/lanes.h"
#include "framework/train/stop.h"
#include "tests/experiments/quiet.h"
#include "tests/support/gradient_check.h"
#include "tests/support/set_fields.h"
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

nlohmann::ordered_json run(const std::filesystem::path& path, const std::string& text,
                           const std::vector<std::string>& changes = {}) {
  testing::Quiet quiet;
  ExperimentConfig config = read_experiment(parse_config_text(text, "test.toml"), changes);
  return run_experiment(config, path, quiet.reporter);
}

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

namespace {

const std::vector<std::string> kLayers = {"layer1", "layer2", "layer3"};

// Of all three layers, as the student is now.
double attention_apart(nn::Module& student, nn::Module& teacher, const Tensor& images) {
  const NoGrad off;
  FeatureDistillation features;
  features.layers = kLayers;
  const auto shown_by = [&](nn::Module& model) {
    CaughtOutputs caught(features.layers_of(model));
    model(images);
    return caught.take();
  };
  return double{features.loss(shown_by(student), shown_by(teacher)).item()};
}

std::shared_ptr<nn::Module> build(const char* kind, const std::map<std::string, double>& numbers) {
  testing::SetFields fields;
  fields.numbers = numbers;
  const auto spec = models::model_registry().make(kind);
  spec->fields(fields);
  return spec->build({3, 32, 32}, 10, 1);
}

// Why a student does not learn from the layers of a teacher; empty when it does.
std::string refusal(nn::Module& student, nn::Module& teacher, const std::vector<std::string>& layers,
                    const char* kind = "attention") {
  try {
    FeatureDistillation{layers, kind}.counterparts(student, teacher, {3, 32, 32});
    return "";
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    return error.what();
  }
}

}  // namespace

TEST_CASE("a narrower student comes to look where its teacher looks, in f32 and bf16") {
  for (const char* precision : {"f32", "bf16"}) {
    CAPTURE(precision);
    const testing::TemporaryDirectory directory;
    const std::string to = std::string("precision=") + precision;
    run(directory.path() / "teacher", kConfig, {"model.width=4", to});
    const std::shared_ptr<nn::Module> teacher = load_model(directory.path() / "teacher").model;
    teacher->eval();

    ExperimentConfig config = read_experiment(parse_config_text(kConfig, "test.toml"), {to});
    const datasets::Splits data = config.data->load();
    const std::shared_ptr<nn::Module> student = config.build_model({3, 32, 32}, 10);
    testing::Quiet quiet;
    MetricsFile metrics("unused");
    StageDirectory place(directory.path() / "learn", metrics);
    const StageContext context{{config, 1, *student, data}, "learn", place, quiet.reporter};
    Distillation distillation{(directory.path() / "teacher").string(), 1.0, 0.5};
    distillation.features = {kLayers, "attention", 10.0};
    const train::Loss loss = distillation.loss(context, 0.0);

    const Tensor images = testing::random_tensor({16, 3, 32, 32}, Layout::lanes, 5);
    const train::Batch batch{converted(images, config.activation_type()),
                             Tensor::zeros({16}, Layout::plain, DType::i32)};
    const double apart = attention_apart(*student, *teacher, batch.images);
    optim::Sgd sgd(student->parameters(), {{.lr = 0.02}, 0.9});
    std::vector<double> losses;
    for (int step = 0; step < 40; ++step) {
      const Tensor of_step = loss((*student)(batch.images), batch);
      losses.push_back(double{of_step.item()});
      of_step.backward();
      sgd.step();
      sgd.zero_grad();
    }
    CHECK(losses.back() < losses.front());
    CHECK(attention_apart(*student, *teacher, batch.images) < apart);
  }
}

TEST_CASE("layers weigh in the loss as they are asked to") {
  const testing::TemporaryDirectory directory;
  run(directory.path() / "run", kConfig);
  ExperimentConfig config = read_experiment(parse_config_text(kConfig, "test.toml"), {"seed=1"});
  const datasets::Splits data = config.data->load();
  const std::shared_ptr<nn::Module> student = config.build_model({3, 32, 32}, 10);
  testing::Quiet quiet;
  MetricsFile metrics("unused");
  StageDirectory place(directory.path() / "run" / "1-learn", metrics);
  const StageContext context{{config, 1, *student, data}, "learn", place, quiet.reporter};
  const train::Batch batch{testing::random_tensor({5, 3, 32, 32}, Layout::lanes, 5),
                           Tensor::zeros({5}, Layout::plain, DType::i32)};
  const NoGrad off;
  student->eval();
  const auto loss_with = [&](const FeatureDistillation& features) {
    Distillation distillation{"teach", 3.0, 0.7};
    distillation.features = features;
    const train::Loss loss = distillation.loss(context, 0.0);
    return double{loss((*student)(batch.images), batch).item()};
  };
  const double answers = loss_with({});
  const std::shared_ptr<nn::Module> teacher =
      load_model(directory.path() / "run" / "0-teach" / "checkpoint").model;
  teacher->eval();
  CHECK(loss_with({kLayers, "attention", 3.0}) ==
        doctest::Approx(answers + 3.0 * attention_apart(*student, *teacher, batch.images)).epsilon(1e-5));
  const auto block = [&](nn::Module& model) {
    CaughtOutputs caught(FeatureDistillation{{"layer2.1"}}.layers_of(model));
    model(batch.images);
    return caught.take().front();
  };
  const double hint = double{hint_distance(block(*student), block(*teacher)).item()};
  CHECK(hint > 0.0);
  CHECK(loss_with({{"layer2.1"}, "hint", 0.5}) == doctest::Approx(answers + 0.5 * hint).epsilon(1e-5));
}

TEST_CASE("layers that the networks do not have alike are refused") {
  const auto narrow = build("resnet20", {{"width", 2}}), wide = build("resnet20", {{"width", 4}}),
             deep = build("resnet32", {{"width", 2}}), plain = build("vgg11", {{"width", 2}});
  CHECK(refusal(*narrow, *wide, {"layer?", "layer1.*"}).empty());
  CHECK(refusal(*narrow, *deep, kLayers, "hint").empty());
  const std::string mistyped = refusal(*narrow, *wide, {"layre1"});
  CAPTURE(mistyped);
  CHECK(mistyped.find("'layre1' matches no layer of the model; did you mean 'layer1'?") != std::string::npos);
  CHECK(refusal(*deep, *narrow, {"layer1.4"}).find("the teacher has no layer 'layer1.4'") !=
        std::string::npos);
  CHECK(
      refusal(*narrow, *wide, {"layer2"}, "hint").find("gives [4, 16, 16] in the student and [8, 16, 16]") !=
      std::string::npos);
  CHECK(refusal(*narrow, *wide, {"fc"}).find("over the pixels of planes or over tokens") !=
        std::string::npos);
  CHECK(refusal(*plain, *plain, {"features.2"}).find("'features.2' (ReLU) is not called by itself") !=
        std::string::npos);

  const std::map<std::string, double> small = {{"dim", 8}, {"depth", 1}, {"heads", 2}};
  std::map<std::string, double> fewer_tokens = small;
  fewer_tokens["conv_layers"] = 2;
  const auto tokens = build("cct", small), fewer = build("cct", fewer_tokens);
  CHECK(refusal(*tokens, *tokens, {"classifier.blocks", "*.blocks.0.attn"}).empty());
  CHECK(refusal(*tokens, *fewer, {"classifier.blocks.0"}).find("token by token") != std::string::npos);
}

TEST_CASE("what is wrong with features is told before an earlier stage trains") {
  const testing::TemporaryDirectory directory;
  run(directory.path() / "wide", kConfig, {"model.width=4"});
  const auto refused = [&](const std::string& change, const char* message) {
    CAPTURE(change);
    CHECK_THROWS_WITH_AS(run(directory.path() / "run", kConfig, {change}), doctest::Contains(message), Error);
    CHECK_FALSE(std::filesystem::exists(directory.path() / "run"));
  };
  const std::string wide = (directory.path() / "wide").string();
  refused("stage.1.distill={ features = ['layer1'] }", "name a teacher");
  refused("stage.1.distill.features=['layer9']", "'layer9' matches no layer");
  refused("stage.1.distill={ teacher = '" + wide + "', features = ['layer1'], feature_kind = 'hint' }",
          "hints are of one shape");
}

TEST_CASE("a pruned student of bf16 on sparse kernels that stops goes on to the same bits") {
  const testing::TemporaryDirectory directory;
  run(directory.path() / "teacher", kConfig);
  const std::string learn = R"(
model = { kind = "resnet20", width = 2 }
data = { kind = "synthetic", train_images = 72, test_images = 16 }
augment = { flip = true }
batch = 16
precision = "bf16"
execution = "sparse"
[[stage]]
epochs = 2
distill = { teacher = ")" + (directory.path() / "teacher").string() +
                            R"(", features = ["layer?"], feature_weight = 10.0 }
prune = [{ sparsity = 0.5, schedule = { kind = "cubic", begin = 0.0, end = 0.8, every = 2 } }]
)";
  const std::string whole = run(directory.path() / "whole", learn)["weights_sha256"];
  train::request_stop();
  CHECK_THROWS_AS(run(directory.path() / "stopped", learn), Error);
  train::request_stop(false);
  CHECK(run(directory.path() / "stopped", learn)["weights_sha256"] == whole);
  CHECK(run(directory.path() / "without", learn, {"stage.0.distill.features=[]"})["weights_sha256"] != whole);
}

TEST_CASE("a network that was shrunk learns from the layers of what it was") {
  const testing::TemporaryDirectory directory;
  const nlohmann::ordered_json summary = run(directory.path() / "run", R"(
model = { kind = "resnet20", width = 4 }
data = { kind = "synthetic", train_images = 32, test_images = 16 }
batch = 16
[[stage]]
name = "dense"
epochs = 1
[[stage]]
kind = "prune"
prune = [{ sparsity = 0.5, granularity = "filter", dependencies = true, scope = "per_layer" }]
[[stage]]
kind = "shrink"
[[stage]]
kind = "finetune"
epochs = 1
distill = { teacher = "dense", features = ["layer?"] }
)");
  CHECK(summary["stages"][3]["parameters"] < summary["stages"][0]["parameters"]);
}

}  // namespace espalier
