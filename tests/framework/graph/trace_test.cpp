#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "framework/graph/graph.h"
#include "framework/nn/modules/batch_norm2d.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/relu.h"
#include "framework/nn/modules/sequential.h"
#include "framework/ops/sum.h"
#include "framework/optim/sgd.h"
#include "tests/support/gradient_check.h"

using namespace espalier;

TEST_CASE("a trace has the operations in order, what they read, and leaves the model alone") {
  nn::Sequential model({std::make_shared<nn::Conv2d>(4, 6, 3, nn::Conv2d::Options{.padding = 1, .groups = 2}),
                        std::make_shared<nn::BatchNorm2d>(6), std::make_shared<nn::ReLU>(),
                        std::make_shared<nn::Conv2d>(6, 2, 1, nn::Conv2d::Options{.bias = false})});
  const std::vector<float> statistics = model.buffers()[0]->value.to_vector();
  const graph::Graph g = graph::trace(model, {4, 5, 5});
  CHECK(model.is_training());
  CHECK(model.buffers()[0]->value.to_vector() == statistics);
  CHECK_FALSE(model.parameters()[0]->grad().defined());

  REQUIRE(g.operations.size() == 3);  // norm and ReLU are one
  const auto value = [&](int index) { return g.values[static_cast<std::size_t>(index)]; };
  const graph::Operation &conv = g.operations[0], &norm = g.operations[1], &last = g.operations[2];
  CHECK(conv.where() == "conv2d in 0");
  CHECK(conv.attributes.at("groups") == 2);
  CHECK(conv.attributes.at("padding_h") == 1);
  CHECK(conv.inputs[0] == g.input);
  CHECK(value(conv.inputs[1]).parameter == model.parameters()[0]);
  CHECK(norm.op == "batch_norm");
  CHECK(norm.inputs[0] == conv.output);
  CHECK(norm.inputs[3] == -1);  // no residual
  CHECK(value(norm.inputs[4]).buffer == model.buffers()[0]);
  CHECK(last.inputs[2] == -1);  // no bias
  CHECK(last.output == g.output);
  CHECK(value(g.output).shape == Shape{1, 2, 5, 5});
  CHECK(value(g.output).maker == 2);
  CHECK(value(g.output).sample.size() == 2);
  CHECK_THROWS_AS(graph::trace(model, {4, 5}), Error);
}

TEST_CASE("a trace leaves frozen modules frozen, also when the model throws") {
  const auto norm = std::make_shared<nn::BatchNorm2d>(4);
  nn::Sequential model({norm, std::make_shared<nn::Conv2d>(4, 2, 1)});
  norm->eval();
  graph::trace(model, {4, 3, 3});
  CHECK_THROWS_AS(graph::trace(model, {3, 3, 3}), Error);
  CHECK(model.is_training());
  CHECK(model.modules()[2]->is_training());
  CHECK_FALSE(norm->is_training());
}

// In training, all passes sparse, the kept values stand in for the weight.
TEST_CASE("a trace knows the weight of a layer that trains sparse") {
  const auto conv = std::make_shared<nn::Conv2d>(8, 8, 3, nn::Conv2d::Options{.padding = 1});
  nn::Sequential model({conv});
  nn::set_execution(model, nn::Execution::sparse);
  nn::Parameter& weight = conv->weight();
  weight.mask = Mask::ones(weight.value.shape());
  for (std::int64_t i = 0; i < weight.value.numel(); ++i) weight.mask.data()[i] = i % 9 == 0 ? 1 : 0;
  optim::Sgd sgd(model.parameters(), {{.lr = 0.1}, 0.9});
  sgd.enforce_masks();
  ops::sum(model(testing::random_tensor({16, 8, 6, 6}, Layout::lanes, 1))).backward();
  sgd.step();
  REQUIRE(weight.value.away());
  const graph::Graph g = graph::trace(model, {8, 6, 6});
  CHECK(g.values[static_cast<std::size_t>(g.operations[0].inputs[1])].parameter == &weight);
}
