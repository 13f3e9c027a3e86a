#include "framework/optim/ema.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/core/error.h"
#include "framework/nn/modules/batch_norm2d.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/modules/sequential.h"
#include "tests/support/gradient_check.h"

using namespace espalier;

namespace {

struct Model : nn::Sequential {
  Model() : Sequential({std::make_shared<nn::Linear>(33, 7), std::make_shared<nn::BatchNorm2d>(7)}) {}
  nn::Parameter& weight() { return *parameters()[0]; }
  // Other values for everything, as if a step had been taken.
  void move(std::uint64_t seed) {
    for (auto& [name, tensor] : state_dict()) {
      tensor.copy_(testing::random_tensor(tensor.shape(), Layout::plain, ++seed * 31));
    }
    weight().mask.apply_(weight().value);
  }
};

}  // namespace

TEST_CASE("ema follows its formula, for parameters and buffers") {
  for (const double decay : {0.0, 0.3, 0.999}) {
    CAPTURE(decay);
    Model model;
    optim::Ema ema(model, decay);
    std::vector<std::vector<double>> expected;
    for (const auto& [name, tensor] : model.state_dict()) {
      const std::vector<float> values = tensor.to_vector();
      expected.emplace_back(values.begin(), values.end());
    }
    for (int t = 0; t < 12; ++t) {
      model.move(static_cast<std::uint64_t>(t));
      ema.update();
      const double d = std::min(decay, (1.0 + t) / (10.0 + t));
      const NamedTensors values = model.state_dict();
      for (std::size_t k = 0; k < values.size(); ++k) {
        for (std::size_t i = 0; i < expected[k].size(); ++i) {
          expected[k][i] = d * expected[k][i] + (1.0 - d) * double{values[k].second.data()[i]};
        }
      }
    }
    for (const auto& average : ema.state()) {
      const std::string& name = average.first;
      CAPTURE(name);
      const NamedTensors values = model.state_dict();
      const auto k = static_cast<std::size_t>(
          std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.first == name; }) -
          values.begin());
      REQUIRE(k < values.size());
      for (std::size_t i = 0; i < expected[k].size(); ++i) {
        // Each update rounds values of order 1 twice.
        REQUIRE(std::abs(double{average.second.data()[i]} - expected[k][i]) <= 1e-6);
      }
    }
  }
}

TEST_CASE("averages of pruned weights are 0") {
  Model model;
  optim::Ema ema(model, 0.9);
  model.move(1);
  ema.update();
  model.weight().mask = Mask::ones(model.weight().value.shape());
  for (int i = 0; i < 20; ++i) model.weight().mask.data()[i * 3] = 0;
  model.move(2);
  ema.update();
  CHECK(model.weight().mask.holds(ema.state()[0].second));
}

TEST_CASE("the model has the averages within the scope and its own weights after it") {
  Model model;
  optim::Ema ema(model, 0.9);
  model.move(1);
  ema.update();
  const std::vector<float> own = model.weight().value.to_vector();
  const std::vector<float> average = ema.state()[0].second.to_vector();
  CHECK(own != average);
  {
    const optim::AveragedWeights averaged(&ema);
    CHECK(model.weight().value.to_vector() == average);
  }
  CHECK(model.weight().value.to_vector() == own);
  const optim::AveragedWeights none(nullptr);
  CHECK(model.weight().value.to_vector() == own);
}

TEST_CASE("an ema that loads its state goes on with the same bits") {
  Model model;
  optim::Ema straight(model, 0.99);
  model.move(1);
  straight.update();
  optim::Ema resumed(model, 0.99);
  NamedTensors state;
  for (const auto& [name, tensor] : straight.state()) state.emplace_back(name, tensor.clone());
  resumed.load_state(state, straight.updates());
  model.move(2);
  straight.update();
  resumed.update();
  for (std::size_t k = 0; k < state.size(); ++k) {
    CHECK(straight.state()[k].second.to_vector() == resumed.state()[k].second.to_vector());
  }
  state.pop_back();
  CHECK_THROWS_WITH_AS(resumed.load_state(state, 1), doctest::Contains("missing: 1.running_var f32 [7]"),
                       Error);
  CHECK_THROWS_AS(optim::Ema(model, 1.0), Error);
}
