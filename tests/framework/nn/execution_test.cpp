#include "framework/nn/execution.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/modules/sequential.h"
#include "framework/tune/tuner.h"
#include "kernels/backend.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using nn::Execution;

namespace {

// Every `every`-th weight is kept; with blocks, every `every`-th 4x4 block of channels at one tap.
void prune(nn::Parameter& weight, int every, bool blocks = false) {
  const Shape& shape = weight.value.shape();
  const std::int64_t taps = shape.numel() / (shape[0] * shape[1]);
  if (weight.mask.dense()) weight.mask = Mask::ones(shape);
  std::uint8_t* mask = weight.mask.data();
  for (std::int64_t i = 0; i < shape.numel(); ++i) {
    const std::int64_t oc = i / taps / shape[1], ic = i / taps % shape[1], tap = i % taps;
    const std::int64_t unit = blocks ? (oc / 4 * (shape[1] / 4) + ic / 4) * taps + tap : i;
    mask[i] = unit % every == 0 ? 1 : 0;
  }
  weight.mask.apply_(weight.value);
}

struct Fixture {
  nn::Conv2d conv{32, 32, 3, {.padding = 1}};
  Tensor x = testing::random_tensor({16, 32, 8, 8}, Layout::lanes, 1);

  const ops::SparsePasses& chosen() {
    conv(x);
    return conv.execution().chosen();
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "auto takes sparse kernels below the break-even density, and dense ones above") {
  CHECK_FALSE(chosen().any());  // no mask
  prune(conv.weight(), 2);
  CHECK_FALSE(chosen().any());
  prune(conv.weight(), 50);  // the same mask, changed in place
  CHECK(chosen().forward);
  CHECK(chosen().backward_data);
  prune(conv.weight(), 2);
  CHECK_FALSE(chosen().any());
  conv.weight().mask = Mask();
  CHECK_FALSE(chosen().any());
}

TEST_CASE_FIXTURE(Fixture, "dense and sparse execution are obeyed whatever the density") {
  prune(conv.weight(), 50);
  conv.execution().set(Execution::dense);
  CHECK_FALSE(chosen().any());
  prune(conv.weight(), 2);
  conv.execution().set(Execution::sparse);
  CHECK(chosen().forward);
  CHECK(chosen().backward_data);
}

TEST_CASE_FIXTURE(Fixture, "backward weights is dense while someone reads the gradients of pruned weights") {
  prune(conv.weight(), 50);
  CHECK_FALSE(chosen().backward_weights);
  conv.weight().pruned_gradients = false;
  CHECK(chosen().backward_weights);
}

TEST_CASE_FIXTURE(Fixture, "a mask of whole blocks runs as blocks") {
  prune(conv.weight(), 20, true);
  REQUIRE(chosen().forward);
  CHECK(chosen().pattern->block_size() == 4);
  prune(conv.weight(), 21);
  REQUIRE(chosen().forward);
  CHECK(chosen().pattern->block_size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "kept values outlive a call whose shape does not pay") {
  prune(conv.weight(), 20);
  conv.weight().pruned_gradients = false;
  conv.weight().takes_kept_gradients = true;
  REQUIRE(chosen().values.defined());
  const float* values = conv.weight().kept.values.data();
  // Registers hold many places of the output: one alone is mostly computed for nothing.
  conv(testing::random_tensor({16, 32, 1, 1}, Layout::lanes, 2));
  REQUIRE_FALSE(conv.execution().chosen().any());
  REQUIRE(chosen().values.defined());
  CHECK(conv.weight().kept.values.data() == values);
}

TEST_CASE_FIXTURE(Fixture, "blocks or single weights: what all three passes take together decides" *
                               doctest::skip(kernels::active_backend() != kernels::Backend::native)) {
  const kernels::Conv2dShape shape{
      .N = 16, .IC = 32, .IH = 8, .IW = 8, .OC = 32, .KH = 3, .KW = 3, .PH = 1, .PW = 1};
  tune::Choices recorded;
  for (const auto pass : {kernels::Conv2dPass::forward, kernels::Conv2dPass::backward_data,
                          kernels::Conv2dPass::backward_weights}) {
    // Blocks win forward by little, and lose the other passes by much.
    recorded.break_even[tune::sparse_key(shape, pass, 1)] = {.density = 0.2, .at_zero = 0.0, .against = ""};
    recorded.break_even[tune::sparse_key(shape, pass, 4)] = {
        .density = pass == kernels::Conv2dPass::forward ? 0.25 : 0.055, .at_zero = 0.0, .against = ""};
  }
  tune::Tuner tuner({.recorded = recorded, .measures = false});
  const tune::UseTuner use(&tuner);
  prune(conv.weight(), 20, true);
  REQUIRE(chosen().forward);
  CHECK(chosen().pattern->block_size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "auto follows a measured break-even, and the report says so" *
                               doctest::skip(kernels::active_backend() != kernels::Backend::native)) {
  const kernels::Conv2dShape shape{
      .N = 16, .IC = 32, .IH = 8, .IW = 8, .OC = 32, .KH = 3, .KW = 3, .PH = 1, .PW = 1};
  const double table = tune::break_even(shape, kernels::Conv2dPass::forward, 1, 0.01).density;
  const auto by_clock = [&](double sparse_seconds, double density) {
    tune::Tuner tuner({.stopwatch = [&](const tune::Trial& trial) {
      return trial.name.starts_with("sparse") ? sparse_seconds : 1.0;
    }});
    const tune::UseTuner use(&tuner);
    prune(conv.weight(), static_cast<int>(1.0 / density));
    const bool sparse = chosen().forward;
    const auto report = conv.execution().report();
    REQUIRE(report.has_value());
    CHECK(report->front().kernel.starts_with("sparse") == sparse);
    CHECK(report->front().why.find("(measured)") != std::string::npos);
    return sparse;
  };
  CHECK(by_clock(0.5, 1.5 * table));
  CHECK_FALSE(by_clock(2.0, 0.5 * table));
  CHECK_FALSE(by_clock(0.97, 0.5 * table));  // within the margin
}

TEST_CASE_FIXTURE(Fixture, "a report names each pass's kernel, and why") {
  CHECK_FALSE(conv.execution().report().has_value());
  conv(x);
  const auto dense = conv.execution().report();
  CHECK(
      dense->front().kernel ==
      tune::conv2d_kernel({.N = 16, .IC = 32, .IH = 8, .IW = 8, .OC = 32, .KH = 3, .KW = 3, .PH = 1, .PW = 1},
                          kernels::Conv2dPass::forward)
          .name);
  CHECK(dense->front().why == "by the fixed rule");
  prune(conv.weight(), 50);
  conv(x);
  CHECK(conv.execution().report()->front().kernel == "sparse 1x1");
  CHECK(conv.execution().report()->front().why.starts_with("2.0% kept, 1x1 pays below "));
  conv.execution().set(Execution::sparse);
  conv(x);
  CHECK(conv.execution().report()->front().why == "as told");
  nn::Sequential model({std::make_shared<nn::Linear>(4, 4)});
  CHECK(nn::execution_report(model).empty());
  model(testing::random_tensor({2, 4}, Layout::lanes, 1));
  CHECK(nn::execution_report(model).front().passes[2].kernel == "linear");
}

TEST_CASE("grouped convolutions stay dense") {
  nn::Conv2d conv(8, 8, 3, {.padding = 1, .groups = 2});
  conv.execution().set(Execution::sparse);
  prune(conv.weight(), 9);
  conv(testing::random_tensor({4, 8, 8, 8}, Layout::lanes, 1));
  CHECK_FALSE(conv.execution().chosen().any());
}

TEST_CASE("linear layers over tokens choose too") {
  nn::Linear linear(32, 48);
  const Tensor x = testing::random_tensor({16, 20, 32}, Layout::lanes, 1);
  prune(linear.weight(), 2);
  linear(x);
  CHECK_FALSE(linear.execution().chosen().any());
  prune(linear.weight(), 50);
  linear.weight().pruned_gradients = false;
  linear(x);
  CHECK(linear.execution().chosen().forward);
  CHECK(linear.execution().chosen().backward_data);
  CHECK(linear.execution().chosen().backward_weights);
}

TEST_CASE("a model says how many of its layers are sparse") {
  const auto conv = std::make_shared<nn::Conv2d>(8, 8, 3, nn::Conv2d::Options{.padding = 1});
  nn::Sequential model({conv, std::make_shared<nn::Conv2d>(8, 8, 1)});
  nn::set_execution(model, Execution::sparse);
  prune(conv->weight(), 9);
  model(testing::random_tensor({4, 8, 8, 8}, Layout::lanes, 1));
  const nn::SparseLayers passes = nn::sparse_layers(model);
  CHECK(passes.layers == 2);
  CHECK(passes.forward == 1);
  CHECK(passes.backward_weights == 0);
}

TEST_CASE("execution modes have names") {
  for (const std::string& name : nn::execution_names()) CHECK_NOTHROW(nn::execution_from(name));
  CHECK_THROWS_AS(nn::execution_from("fast"), Error);
}
