// Do the models agree with PyTorch's? tests/goldens/models.json holds what tests/goldens/models.py computed.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/autograd/node.h"
#include "framework/ops/cross_entropy.h"
#include "framework/optim/sgd.h"
#include "framework/tensor/lanes.h"
#include "models/registry.h"
#include "tests/support/keep_largest.h"
#include "tests/support/pseudo_random.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using testing::pseudo_random;

namespace {

constexpr std::uint32_t kImageSeed = 100000, kLabelSeed = 100001;

// Errors may be this many times PyTorch's own in f32: other orders of summation, and Winograd's convolution,
// which is about ten times less exact. A wrong formula is off by more than the tolerance times a thousand.
constexpr double kErrorRatio = 32.0;

const nlohmann::json& goldens() {
  static const nlohmann::json cases =
      nlohmann::json::parse(std::ifstream(ESPALIER_SOURCE_DIR "/tests/goldens/models.json"));
  return cases;
}

// `fill` of tests/goldens/models.py: He's bound for weights, 1 +- 0.5 for scales and variances, +- 0.1 for
// shifts.
void fill_by_formula(nn::Module& model) {
  std::uint32_t seed = 0;
  for (auto& [name, tensor] : model.state_dict()) {
    const Tensor random = pseudo_random(tensor.shape(), seed++);
    const bool around_one = tensor.rank() == 1 && (name.ends_with("weight") || name.ends_with("running_var"));
    double scale = 0.1;
    if (tensor.rank() > 1) scale = std::sqrt(6.0 / static_cast<double>(tensor.numel() / tensor.dim(0)));
    if (around_one) scale = 0.5;
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
      tensor.data()[i] = static_cast<float>((around_one ? 1.0 : 0.0) + scale * double{random.data()[i]});
    }
  }
}

std::shared_ptr<nn::Module> build(const nlohmann::json& golden) {
  const auto spec = models::model_registry().make(golden["model"].get<std::string>());
  testing::SetFields fields;
  for (const auto& [key, value] : golden["fields"].items()) {
    if (value.is_string()) {
      fields.texts[key] = value;
    } else {
      fields.numbers[key] = value;
    }
  }
  spec->fields(fields);
  auto model = spec->build({3, 32, 32}, 10, 1);
  fill_by_formula(*model);
  return model;
}

Tensor images(std::int64_t count) { return to_lanes(pseudo_random({count, 3, 32, 32}, kImageSeed)); }

Tensor labels(std::int64_t count) {
  const Tensor random = pseudo_random({count}, kLabelSeed);
  Tensor result = Tensor::empty({count}, Layout::plain, DType::i32);
  for (std::int64_t i = 0; i < count; ++i) {
    result.data<std::int32_t>()[i] = static_cast<std::int32_t>((random.data()[i] + 1.0f) * 5.0f);
  }
  return result;
}

// The largest difference relative to the largest value, as `golden` of models.py measures PyTorch's f32.
double relative_error(const std::vector<float>& actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  double difference = 0.0, largest = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    testing::keep_largest(difference, std::abs(double{actual[i]} - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return difference / largest;
}

}  // namespace

TEST_CASE("models have as many parameters as PyTorch's") {
  for (const auto& golden : goldens()["parameters"].items()) {
    CAPTURE(golden.key());
    const auto model = models::model_registry().make(golden.key())->build({3, 32, 32}, 10, 1);
    CHECK(model->parameter_count() == golden.value());
  }
  CHECK(goldens()["parameters"].size() == models::model_registry().rows().size());
}

TEST_CASE("models name their state as PyTorch's state dicts do, in the same order") {
  for (const auto& golden : goldens()["state"].items()) {
    CAPTURE(golden.key());
    std::vector<std::string> state;
    const auto model = models::model_registry().make(golden.key())->build({3, 32, 32}, 10, 1);
    for (const auto& [key, tensor] : model->state_dict()) state.push_back(key + " " + tensor.shape().str());
    CHECK(state == golden.value().get<std::vector<std::string>>());
  }
}

TEST_CASE("logits agree with PyTorch's in training and in evaluation") {
  const NoGrad off;
  for (const nlohmann::json& golden : goldens()["logits"]) {
    const std::string name = golden["model"];
    CAPTURE(name);
    CAPTURE(golden["training"].get<bool>());
    const auto model = build(golden);
    model->train(golden["training"]);
    const std::vector<float> logits = (*model)(images(golden["images"])).to_vector();
    const double error = relative_error(logits, golden["values"].get<std::vector<double>>());
    CHECK(error <= kErrorRatio * golden["float_error"].get<double>());
  }
}

TEST_CASE("ten training steps lose as much as PyTorch's") {
  const nlohmann::json& sgd = goldens()["sgd"];
  for (const nlohmann::json& golden : goldens()["losses"]) {
    const std::string name = golden["model"];
    CAPTURE(name);
    const auto model = build(golden);
    optim::SgdSettings settings;
    settings.lr = sgd["lr"];
    settings.momentum = sgd["momentum"];
    settings.nesterov = sgd["nesterov"];
    settings.weight_decay = sgd["weight_decay"];
    optim::Sgd optimizer(model->parameters(), settings);
    const Tensor x = images(golden["images"]), y = labels(golden["images"]);
    std::vector<float> losses;
    for (std::size_t step = 0; step < golden["values"].size(); ++step) {
      const Tensor loss = ops::cross_entropy((*model)(x), y);
      loss.backward();
      optimizer.step();
      optimizer.zero_grad();
      losses.push_back(loss.item());
    }
    const double error = relative_error(losses, golden["values"].get<std::vector<double>>());
    CHECK(error <= kErrorRatio * golden["float_error"].get<double>());
  }
}
