// Against mask variables that are there: multiplied into the network, and moved a little.
#include "pruning/criteria/mask_gradient.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/linear.h"
#include "framework/ops/add.h"
#include "framework/ops/cross_entropy.h"
#include "framework/ops/gelu.h"
#include "framework/ops/global_avg_pool.h"
#include "framework/ops/mean.h"
#include "framework/ops/mul.h"
#include "framework/ops/relu.h"
#include "framework/ops/reshape.h"
#include "framework/ops/scale.h"
#include "framework/ops/scaled_dot_product_attention.h"
#include "pruning/dependencies/branch_contender.h"
#include "tests/pruning/criteria/by_loops.h"
#include "tests/support/gradient_check.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;

namespace {

constexpr std::int64_t kHeads = 3, kHeadFeatures = 4, kNeurons = 10, kBatches = 3;
const Shape kImage = {3, 8, 8};

// Attention with a residual, an MLP without one, and variables that multiply each head, each neuron, and all
// of the attention. An undefined mask is one of ones.
struct Net : nn::Module {
  Net() {
    qkv = register_module("qkv", std::make_shared<nn::Linear>(8, 3 * kHeads * kHeadFeatures));
    proj = register_module("proj", std::make_shared<nn::Linear>(kHeads * kHeadFeatures, 8));
    fc1 = register_module("fc1", std::make_shared<nn::Linear>(8, kNeurons));
    fc2 = register_module("fc2", std::make_shared<nn::Linear>(kNeurons, 8));
    fc = register_module("fc", std::make_shared<nn::Linear>(8, 5));
    nn::initialise(*this, 3);
    for (nn::Parameter* p : parameters()) {
      for (std::int64_t i = 0; i < p->value.numel(); ++i) p->value.data()[i] *= 2.0f;
    }
  }
  Tensor forward(const Tensor& x) override {
    const Tensor tokens = ops::reshape(x, {x.dim(0), 24, 8});
    Tensor heads = ops::scaled_dot_product_attention((*qkv)(tokens), kHeads);
    if (head_mask.defined()) heads = ops::mul(heads, head_mask);
    Tensor branch = (*proj)(heads);
    if (branch_mask != 1.0f) branch = ops::scale(branch, branch_mask);
    Tensor neurons = ops::gelu((*fc1)(ops::add(tokens, branch)));
    if (neuron_mask.defined()) neurons = ops::mul(neurons, neuron_mask);
    return (*fc)(ops::mean((*fc2)(neurons), {1}));
  }
  std::string type_name() const override { return "Net"; }

  std::shared_ptr<nn::Linear> qkv, proj, fc1, fc2, fc;
  Tensor head_mask, neuron_mask;  // plain [1, 1, features]
  float branch_mask = 1.0f;
};

// Two convolutions; the second reads its channels in two groups.
struct ConvNet : nn::Module {
  ConvNet() { nn::initialise(*this, 3); }
  Tensor forward(const Tensor& x) override { return ops::global_avg_pool((*second)(ops::relu((*first)(x)))); }
  std::string type_name() const override { return "ConvNet"; }

  std::shared_ptr<nn::Conv2d> first =
      register_module("first", std::make_shared<nn::Conv2d>(3, 4, 3, nn::Conv2d::Options{.stride = 2}));
  std::shared_ptr<nn::Conv2d> second = register_module(
      "second", std::make_shared<nn::Conv2d>(4, 6, 3, nn::Conv2d::Options{.padding = 1, .groups = 2}));
};

Tensor images_of(std::int64_t batch) {
  return testing::random_tensor({7, 3, 8, 8}, Layout::lanes, 10 + static_cast<unsigned>(batch));
}

std::vector<std::int32_t> labels_of(std::int64_t batch) {
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < 7; ++i) labels.push_back(static_cast<std::int32_t>((i + batch) % 5));
  return labels;
}

Tensor loss_of(nn::Module& net, std::int64_t batch) {
  const std::vector<std::int32_t> classes = labels_of(batch);
  Tensor labels = Tensor::zeros({7}, Layout::plain, DType::i32);
  std::copy(classes.begin(), classes.end(), labels.data<std::int32_t>());
  return ops::cross_entropy(net(images_of(batch)), labels);
}

// Mean over batches of |dL/dxi|, by central differences. `set` gives the variable a value.
double by_differences(Net& net, const std::function<void(float)>& set) {
  const NoGrad off;
  net.eval();
  double sum = 0.0;
  for (std::int64_t batch = 0; batch < kBatches; ++batch) {
    constexpr float kStep = 0.02f;
    set(1.0f + kStep);
    const double above = double{loss_of(net, batch).item()};
    set(1.0f - kStep);
    const double below = double{loss_of(net, batch).item()};
    set(1.0f);
    sum += std::abs(above - below) / (2.0 * double{kStep});
  }
  return sum / static_cast<double>(kBatches);
}

MaskGradient measured(nn::Module& net, const char* normalise = "none") {
  MaskGradient criterion;
  testing::SetFields fields;
  fields.numbers["batches"] = static_cast<double>(kBatches);
  fields.texts["normalise"] = normalise;
  criterion.fields(fields);
  criterion.measure({net, kImage, [&](std::int64_t i, float) { return loss_of(net, i); }}, {});
  return criterion;
}

std::vector<float> scores_of(nn::Module& net, const char* granularity, const char* layer,
                             Criterion& criterion) {
  const auto units = granularity_registry().make(granularity);
  std::vector<nn::Parameter*> targets;
  for (nn::Parameter* p : net.parameters()) {
    if (p->kind == nn::ParameterKind::weight) targets.push_back(p);
  }
  std::vector<Staying> staying;
  const auto contenders = units->structure() == Structure::branch
                              ? branch_contenders(graph::trace(net, kImage), targets, *units, staying)
                              : channel_contenders(find_dependencies(net, kImage), targets, *units, staying);
  const auto found = std::find_if(contenders.begin(), contenders.end(),
                                  [&](const auto& contender) { return contender->info().name == layer; });
  REQUIRE(found != contenders.end());
  return (*found)->scores(criterion).to_vector();
}

}  // namespace

TEST_CASE("scores are the gradients of variables that multiply heads, neurons and branches") {
  Net net;
  MaskGradient criterion = measured(net);
  const std::vector<float> heads = scores_of(net, "head", "qkv.weight", criterion);
  REQUIRE(heads.size() == kHeads);
  for (std::int64_t h = 0; h < kHeads; ++h) {
    CAPTURE(h);
    const double expected = by_differences(net, [&](float xi) {
      net.head_mask = Tensor::full({1, 1, kHeads * kHeadFeatures}, 1.0f);
      for (std::int64_t i = 0; i < kHeadFeatures; ++i) net.head_mask.data()[h * kHeadFeatures + i] = xi;
    });
    CHECK(double{heads[static_cast<std::size_t>(h)]} == doctest::Approx(expected).epsilon(0.01));
  }
  net.head_mask = {};
  const std::vector<float> neurons = scores_of(net, "neuron", "fc1.weight", criterion);
  REQUIRE(neurons.size() == kNeurons);
  for (std::int64_t n = 0; n < kNeurons; ++n) {
    CAPTURE(n);
    const double expected = by_differences(net, [&](float xi) {
      net.neuron_mask = Tensor::full({1, 1, kNeurons}, 1.0f);
      net.neuron_mask.data()[n] = xi;
    });
    CHECK(double{neurons[static_cast<std::size_t>(n)]} ==
          doctest::Approx(expected).epsilon(0.01).scale(1e-3));
  }
  net.neuron_mask = {};
  const std::vector<float> branch = scores_of(net, "branch", "proj", criterion);
  const double expected = by_differences(net, [&](float xi) { net.branch_mask = xi; });
  CHECK(double{branch.at(0)} == doctest::Approx(expected).epsilon(0.01));
}

TEST_CASE("a channel's score is the gradient of a variable on all that goes with it, in every group") {
  using testing::Doubles, testing::in_double;
  ConvNet net;
  MaskGradient criterion = measured(net);
  const std::vector<float> scores = scores_of(net, "filter", "first.weight", criterion);
  REQUIRE(scores.size() == 2);  // channel c of one group goes with channel c of the other

  const testing::LoopConv2d first{.side = 8, .in = 3, .out = 4, .kernel = 3, .stride = 2},
      second{.side = 3, .in = 4, .out = 6, .kernel = 3, .padding = 1, .groups = 2};
  std::vector<Doubles> p;  // weights and biases
  for (const nn::Parameter* parameter : net.parameters()) p.push_back(in_double(parameter->value));
  Doubles expected(2, 0.0);
  for (std::int64_t batch = 0; batch < kBatches; ++batch) {
    Doubles between = first(in_double(images_of(batch)), p[0], p[1]);  // [7, 4, 3, 3]
    for (double& value : between) value = std::max(value, 0.0);
    const auto loss = [&](const Doubles& xi) {
      Doubles faded = between;
      for (std::size_t i = 0; i < faded.size(); ++i) faded[i] *= xi[i / 9 % 2];
      return testing::cross_entropy(testing::means(second(faded, p[2], p[3]), 9), labels_of(batch));
    };
    const Doubles slopes = testing::derivatives(loss, {1.0, 1.0});
    for (std::size_t c = 0; c < 2; ++c) expected[c] += std::abs(slopes[c]) / static_cast<double>(kBatches);
  }
  for (std::size_t c = 0; c < 2; ++c)
    CHECK(double{scores[c]} == doctest::Approx(expected[c]).epsilon(1e-4).scale(1e-2));
}

TEST_CASE("by layer, scores have the l2 norm 1; the model is left as it was; single weights have no score") {
  Net net;
  const std::vector<float> before = net.parameters()[0]->value.to_vector();
  net.train();
  MaskGradient plain = measured(net), normalised = measured(net, "layer");
  CHECK(net.is_training());
  CHECK(net.parameters()[0]->value.to_vector() == before);
  CHECK_FALSE(net.parameters()[0]->grad().defined());
  const std::vector<float> a = scores_of(net, "head", "qkv.weight", plain),
                           b = scores_of(net, "head", "qkv.weight", normalised);
  double norm = 0.0, squares = 0.0;
  for (const float score : a) norm += double{score} * double{score};
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(double{b[i]} == doctest::Approx(double{a[i]} / std::sqrt(norm)));
    squares += double{b[i]} * double{b[i]};
  }
  CHECK(squares == doctest::Approx(1.0));
  CHECK_THROWS_WITH_AS(plain.scores(*net.parameters()[0]), doctest::Contains("not the weights of qkv.weight"),
                       Error);
}
