#include <doctest/doctest.h>

#include <cmath>

#include "framework/core/error.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/batch_norm2d.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/dropout.h"
#include "framework/nn/modules/layer_norm.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/modules/pool2d.h"
#include "framework/nn/modules/relu.h"
#include "framework/nn/modules/sequential.h"
#include "framework/ops/add.h"
#include "tests/support/gradient_check.h"
#include "tests/support/keep_largest.h"

using namespace espalier;
using testing::random_tensor;

namespace {

std::vector<std::string> names(const NamedTensors& state) {
  std::vector<std::string> result;
  for (const auto& [name, tensor] : state) result.push_back(name + " " + tensor.shape().str());
  return result;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const std::vector<float> x = a.to_vector(), y = b.to_vector();
  REQUIRE(x.size() == y.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i)
    testing::keep_largest(largest, std::abs(double{x[i]} - double{y[i]}));
  return largest;
}

}  // namespace

TEST_CASE("modules have the state that PyTorch's have") {
  CHECK(names(nn::Conv2d(6, 4, 3, {.groups = 2}).state_dict()) ==
        std::vector<std::string>{"weight [4, 3, 3, 3]", "bias [4]"});
  CHECK(names(nn::Conv2d(6, 4, 1, {.bias = false}).state_dict()) ==
        std::vector<std::string>{"weight [4, 6, 1, 1]"});
  CHECK(names(nn::Linear(5, 3).state_dict()) == std::vector<std::string>{"weight [3, 5]", "bias [3]"});
  CHECK(names(nn::BatchNorm2d(4).state_dict()) ==
        std::vector<std::string>{"weight [4]", "bias [4]", "running_mean [4]", "running_var [4]"});
  CHECK(names(nn::LayerNorm(4).state_dict()) == std::vector<std::string>{"weight [4]", "bias [4]"});
  CHECK(nn::Dropout(0.5).state_dict().empty());
}

TEST_CASE("parameters know whether they are weights, biases or norms") {
  nn::Sequential model({std::make_shared<nn::Conv2d>(3, 4, 3), std::make_shared<nn::BatchNorm2d>(4)});
  const std::vector<nn::Parameter*> parameters = model.parameters();
  REQUIRE(parameters.size() == 4);
  CHECK(parameters[0]->name == "0.weight");
  CHECK(parameters[0]->kind == nn::ParameterKind::weight);
  CHECK(parameters[1]->kind == nn::ParameterKind::bias);
  CHECK(parameters[2]->kind == nn::ParameterKind::norm);
  CHECK(parameters[3]->name == "1.bias");
  CHECK(parameters[3]->kind == nn::ParameterKind::norm);
}

TEST_CASE("initial weights are uniform within PyTorch's bounds") {
  nn::Conv2d conv(16, 32, 3);
  nn::initialise(conv, 1);
  const float bound = 1.0f / std::sqrt(16.0f * 9.0f);
  double sum = 0.0, sum_of_squares = 0.0;
  for (float w : conv.weight().value.to_vector()) {
    REQUIRE(std::abs(w) <= bound);
    sum += double{w};
    sum_of_squares += double{w} * double{w};
  }
  const double count = 32.0 * 16 * 9;
  CHECK(std::abs(sum / count) < 4.0 * double{bound} / std::sqrt(3.0 * count));  // four standard errors
  // The variance of a uniform distribution is bound^2 / 3; its estimate is within 4 sqrt(4/5 / count) of
  // that.
  CHECK(sum_of_squares / count ==
        doctest::Approx(double{bound * bound} / 3.0).epsilon(4.0 * std::sqrt(0.8 / count)));
}

TEST_CASE("initial weights depend on the seed and the layer's name only") {
  const auto first_weights = [](std::uint64_t seed, int layers) {
    nn::Sequential model;
    for (int i = 0; i < layers; ++i) model.add(std::make_shared<nn::Linear>(7, 7));
    nn::initialise(model, seed);
    return model.parameters()[0]->value.to_vector();
  };
  CHECK(first_weights(1, 2) == first_weights(1, 3));
  CHECK(first_weights(1, 2) != first_weights(2, 2));
  nn::Sequential model({std::make_shared<nn::Linear>(7, 7), std::make_shared<nn::Linear>(7, 7)});
  nn::initialise(model, 1);
  CHECK(model.parameters()[0]->value.to_vector() != model.parameters()[2]->value.to_vector());
}

TEST_CASE("initialise keeps masks") {
  nn::Linear linear(4, 4);
  linear.weight().mask = Mask::ones({4, 4});
  linear.weight().mask.data()[5] = 0;
  nn::initialise(linear, 3);
  CHECK(linear.weight().value.data()[5] == 0.0f);
  CHECK(linear.weight().value.data()[4] != 0.0f);
}

TEST_CASE("forward_relu is batch norm, then the residual, then relu") {
  for (const bool training : {true, false}) {
    CAPTURE(training);
    nn::BatchNorm2d fused(5), composed(5);
    fused.train(training);
    composed.train(training);
    const Tensor x = random_tensor({17, 5, 4, 4}, Layout::lanes, 1);
    const Tensor residual = random_tensor({17, 5, 4, 4}, Layout::lanes, 2);
    const Tensor expected = ops::relu(ops::add(composed(x), residual));
    CHECK(largest_difference(fused.forward_relu(x, residual), expected) <= 4e-7);
    CHECK(largest_difference(fused.buffers()[1]->value, composed.buffers()[1]->value) == 0.0);
  }
}

TEST_CASE("a sequence fuses norm and relu to the same result") {
  const auto norm = std::make_shared<nn::BatchNorm2d>(3);
  norm->eval();
  nn::Sequential model({std::make_shared<nn::Conv2d>(3, 3, 3, nn::Conv2d::Options{.padding = 1}), norm,
                        std::make_shared<nn::ReLU>(),
                        std::make_shared<nn::MaxPool2d>(ops::Pool2dOptions{.kernel = 2})});
  model.eval();
  const Tensor x = random_tensor({5, 3, 8, 8}, Layout::lanes, 1);
  auto* conv = dynamic_cast<nn::Conv2d*>(model.modules()[1]);
  const Tensor expected = ops::max_pool2d(ops::relu((*norm)((*conv)(x))), {.kernel = 2});
  CHECK(largest_difference(model(x), expected) <= 4e-7);
}

TEST_CASE("dropout repeats a step's choices and changes them from step to step") {
  nn::Sequential model({std::make_shared<nn::Dropout>(0.5), std::make_shared<nn::Dropout>(0.5)});
  const Tensor x = Tensor::full({16, 64}, 1.0f, Layout::lanes);
  const auto run = [&](std::int64_t step) {
    nn::start_dropout_step(model, 1, step);
    return model(x).to_vector();
  };
  const std::vector<float> first = run(0), second = run(1);
  CHECK(first != second);
  CHECK(run(0) == first);
  // Two independent layers leave a quarter of the elements, four times as large.
  const auto kept = std::count(first.begin(), first.end(), 4.0f);
  CHECK(kept == doctest::Approx(256.0).epsilon(4.0 * std::sqrt(0.75 * 0.25 * 1024.0) / 256.0));
  CHECK(std::count(first.begin(), first.end(), 0.0f) + kept == 1024);
  model.eval();
  CHECK(model(x).to_vector() == x.to_vector());
}

TEST_CASE("modules refuse sizes that make no sense") {
  CHECK_THROWS_WITH_AS(nn::Conv2d(6, 4, 3, {.groups = 4}),
                       "[Conv2d] 6 -> 4 channels do not divide into 4 groups", Error);
  CHECK_THROWS_AS(nn::Conv2d(0, 4, 3), Error);
  CHECK_THROWS_AS(nn::Linear(3, 0), Error);
  CHECK_THROWS_AS(nn::Dropout(1.0), Error);
}

TEST_CASE("a module has one place in one model") {
  const auto linear = std::make_shared<nn::Linear>(3, 3);
  CHECK_THROWS_WITH_AS(nn::Sequential({linear, std::make_shared<nn::ReLU>(), linear}),
                       doctest::Contains("'2' is a Linear that is registered as '0' already"), Error);
  {
    nn::Sequential model({linear});
    CHECK_THROWS_AS(nn::Sequential({linear}), Error);
  }
  CHECK_NOTHROW(nn::Sequential({linear}));  // the model that it was in is gone
  CHECK_THROWS_WITH_AS(nn::Sequential({nullptr}), "[register_module] '0' is a null module", Error);
}
