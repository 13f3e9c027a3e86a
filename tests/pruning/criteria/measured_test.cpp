// Criteria that run the network at the moment of pruning, against its gradients and activations by hand.
#include "pruning/criteria/measured.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "framework/core/error.h"
#include "framework/nn/modules/batch_norm2d.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/ops/global_avg_pool.h"
#include "framework/ops/mean.h"
#include "framework/ops/relu.h"
#include "framework/ops/reshape.h"
#include "framework/ops/sum.h"
#include "pruning/pruner.h"
#include "tests/pruning/criteria/by_loops.h"
#include "tests/pruning/criteria/networks.h"

using namespace espalier;
using namespace espalier::pruning;
using namespace espalier::testing;

namespace {

// A layer whose outputs, averaged over pixels or tokens, are logits.
class Averaged : public nn::Module {
 public:
  explicit Averaged(std::shared_ptr<nn::Module> layer) : layer_(register_module("layer", std::move(layer))) {
    nn::initialise(*this, 1);
  }
  Tensor forward(const Tensor& x) override {
    const Tensor y = (*layer_)(x);
    return y.rank() == 4 ? ops::global_avg_pool(y) : ops::mean(y, {1});
  }
  std::string type_name() const override { return "Averaged"; }

 private:
  std::shared_ptr<nn::Module> layer_;
};

// `loss` is a function of the weight; `squares(i)` the sum of the squares of what weight i multiplies.
void check_scores(const ScoringData& data, const std::function<double(const Doubles&)>& loss,
                  const std::function<double(std::int64_t)>& squares) {
  nn::Parameter& weight = *data.model.parameters()[0];
  const Doubles w = in_double(weight.value), g = derivatives(loss, w);
  const std::vector<float> snip = measured_scores("snip", data, weight),
                           wanda = measured_scores("wanda", data, weight);
  for (std::size_t i = 0; i < w.size(); ++i) {  // over 8 batches, all of them the same
    CAPTURE(i);
    const double input = std::sqrt(8.0 * squares(static_cast<std::int64_t>(i)));
    CHECK(double{snip[i]} == doctest::Approx(8.0 * std::abs(w[i] * g[i])).epsilon(1e-4).scale(1e-2));
    CHECK(double{wanda[i]} == doctest::Approx(std::abs(w[i]) * input).epsilon(1e-5));
  }
}

}  // namespace

TEST_CASE("snip is |w dL/dw|") {
  Classifier classifier;
  const std::vector<double> w = classifier.weights(), g = classifier.gradient();
  const std::vector<float> scores = measured_scores("snip", classifier.data, classifier.weight());
  for (std::size_t i = 0; i < w.size(); ++i)  // summed over 8 batches, all of them the same
    CHECK(scores[i] == doctest::Approx(8.0 * std::abs(w[i] * g[i])).epsilon(1e-4));
}

TEST_CASE("grasp is w (H g), to a factor, of logits divided by its temperature") {
  Classifier classifier;
  const std::vector<double> w = classifier.weights();
  const auto norm = [](const auto& values) {
    double squares = 0.0;
    for (const double v : values) squares += v * v;
    return std::sqrt(squares);
  };
  const auto check_scores = [&](double temperature, const std::map<std::string, double>& keys) {
    CAPTURE(temperature);
    const std::vector<double> hg = classifier.hessian_times(classifier.gradient(temperature), temperature);
    std::vector<double> expected;
    for (std::size_t i = 0; i < w.size(); ++i) expected.push_back(w[i] * hg[i]);
    const std::vector<float> scores = measured_scores("grasp", classifier.data, classifier.weight(), keys);
    const double factor = norm(scores) / norm(expected);
    CHECK(factor > 0.0);
    for (std::size_t i = 0; i < w.size(); ++i)
      CHECK(std::abs(double{scores[i]} / factor - expected[i]) < 2e-3 * norm(expected));
  };
  check_scores(1.0, {{"temperature", 1.0}});
  check_scores(5.0, {{"temperature", 5.0}});
  // Logits over 200 hardly bend the loss of a single layer: a longer step stands out from the rounding.
  check_scores(200.0, {{"step", 0.1}});
}

TEST_CASE("scores are those of a network that drops nothing, in whichever step they are taken") {
  const auto vit = [](double dropped) {
    const auto spec = models::model_registry().make("vit");
    SetFields small;
    small.numbers = {{"dim", 12},
                     {"heads", 3},
                     {"depth", 2},
                     {"mlp_ratio", 2},
                     {"patch", 4},
                     {"dropout", dropped},
                     {"stochastic_depth", dropped}};
    spec->fields(small);
    return spec->build({3, 8, 8}, 5, 1);
  };
  const Tensor images = random_tensor({7, 3, 8, 8}, Layout::lanes, 3);
  const Tensor labels = Tensor::zeros({7}, Layout::plain, DType::i32);
  const auto scores = [&](const char* name, nn::Module& model, std::int64_t step) {
    nn::start_dropout_step(model, 1, step);
    const ScoringData data{model, Shape({3, 8, 8}),
                           [&](std::int64_t, float) { return ops::cross_entropy(model(images), labels); }};
    for (nn::Parameter* parameter : model.parameters()) {
      if (parameter->name == "blocks.0.mlp.fc1.weight") return measured_scores(name, data, *parameter);
    }
    return std::vector<float>();
  };
  const auto whole = vit(0.0), dropping = vit(0.5);
  for (const char* name : {"snip", "grasp", "wanda"}) {
    CAPTURE(name);
    const std::vector<float> expected = scores(name, *whole, 0);
    REQUIRE_FALSE(expected.empty());
    CHECK(scores(name, *dropping, 0) == expected);
    CHECK(scores(name, *dropping, 7) == expected);
  }
  for (const nn::Module* module : dropping->modules()) CHECK(module->is_training());
}

TEST_CASE("wanda is |w| times the norm of the input") {
  Classifier classifier;
  const std::vector<double> w = classifier.weights();
  const std::vector<float> scores = measured_scores("wanda", classifier.data, classifier.weight());
  for (std::size_t i = 0; i < w.size(); ++i) {
    double squares = 0.0;
    for (std::int64_t n = 0; n < kImages; ++n) {
      const double x = double{classifier.images.data()[n * kInputs + static_cast<std::int64_t>(i) % kInputs]};
      squares += 8.0 * x * x;  // the same batch 8 times
    }
    CHECK(scores[i] == doctest::Approx(std::abs(w[i]) * std::sqrt(squares)).epsilon(1e-5));
  }
}

TEST_CASE("wanda sees what a trained network's layers are given: normalised by running statistics") {
  nn::Sequential model;
  model.add(std::make_shared<nn::BatchNorm2d>(2));
  const auto conv = model.add(std::make_shared<nn::Conv2d>(2, 3, 1));
  nn::initialise(model, 1);
  const double mean[] = {0.5, -1.0}, variance[] = {4.0, 0.25};
  for (std::int64_t c = 0; c < 2; ++c) {
    model.buffers()[0]->value.data()[c] = static_cast<float>(mean[c]);
    model.buffers()[1]->value.data()[c] = static_cast<float>(variance[c]);
  }
  const Tensor images = random_tensor({kImages, 2, 3, 3}, Layout::plain, 3);
  const ScoringData data{model, Shape({2, 3, 3}),
                         [&](std::int64_t, float) { return ops::sum(model(to_lanes(images))); }};
  const std::vector<float> scores = measured_scores("wanda", data, conv->weight());
  double squares[] = {0.0, 0.0};
  for (std::int64_t i = 0; i < images.numel(); ++i) {
    const std::int64_t c = i / 9 % 2;
    const double x = (double{images.data()[i]} - mean[c]) / std::sqrt(variance[c] + 1e-5);
    squares[c] += 8.0 * x * x;  // the same batch 8 times
  }
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double w = double{conv->weight().value.data()[i]};
    CHECK(scores[i] == doctest::Approx(std::abs(w) * std::sqrt(squares[i % 2])).epsilon(1e-4));
  }
}

TEST_CASE("snip and wanda score a convolution with groups and a stride") {
  const LoopConv2d loops{.side = 5, .in = 4, .out = 6, .kernel = 3, .stride = 2, .padding = 1, .groups = 2};
  Averaged model(
      std::make_shared<nn::Conv2d>(4, 6, 3, nn::Conv2d::Options{.stride = 2, .padding = 1, .groups = 2}));
  const Tensor images = random_tensor({kImages, 4, 5, 5}, Layout::plain, 3);
  const std::vector<std::int32_t> labels = {0, 5, 1, 3, 0};
  const Doubles x = in_double(images), bias = in_double(model.parameters()[1]->value);
  Doubles squares(4, 0.0);  // of each input channel
  for (std::size_t i = 0; i < x.size(); ++i) squares[i / 25 % 4] += x[i] * x[i];
  check_scores(
      one_batch(model, images, labels),
      [&](const Doubles& w) { return cross_entropy(means(loops(x, w, bias), 9), labels); },
      [&](std::int64_t i) {  // weight [6, 2, 3, 3]: the last three filters read the last two channels
        const std::int64_t filter = i / 18, column = i / 9 % 2;
        return squares[static_cast<std::size_t>(filter / 3 * 2 + column)];
      });
}

TEST_CASE("snip and wanda score a linear layer by all tokens that it is applied to") {
  constexpr std::int64_t kTokens = 6;
  Averaged model(std::make_shared<nn::Linear>(kInputs, kClasses));
  const Tensor images = random_tensor({kImages, kTokens, kInputs}, Layout::plain, 3);
  const std::vector<std::int32_t> labels = {0, 2, 1, 2, 0};
  const Doubles x = in_double(images), bias = in_double(model.parameters()[1]->value);
  Doubles squares(kInputs, 0.0);  // of each feature
  for (std::size_t i = 0; i < x.size(); ++i) squares[i % kInputs] += x[i] * x[i];
  const auto loss = [&](const Doubles& w) {
    Doubles logits;
    for (std::int64_t n = 0; n < kImages; ++n) {
      for (std::int64_t c = 0; c < kClasses; ++c) {
        double sum = 0.0;
        for (std::int64_t i = 0; i < kTokens * kInputs; ++i)
          sum += w.data()[c * kInputs + i % kInputs] * x.data()[n * kTokens * kInputs + i];
        logits.push_back(sum / static_cast<double>(kTokens) + bias.data()[c]);
      }
    }
    return cross_entropy(logits, labels);
  };
  check_scores(one_batch(model, images, labels), loss,
               [&](std::int64_t i) { return squares[static_cast<std::size_t>(i % kInputs)]; });
}

TEST_CASE("synflow is the product of the positive weights on all paths through a weight") {
  struct Net : nn::Module {
    Net() { nn::initialise(*this, 1); }
    Tensor forward(const Tensor& x) override {
      return (*second)(ops::relu((*first)(ops::reshape(x, {x.dim(0), 3}))));
    }
    std::string type_name() const override { return "Net"; }
    std::shared_ptr<nn::Linear> first = register_module("first", std::make_shared<nn::Linear>(3, 2)),
                                second = register_module("second", std::make_shared<nn::Linear>(2, 2));
  } net;
  const std::vector<nn::Parameter*> parameters = net.parameters();
  nn::Parameter &first = *parameters[0],
                &second = *parameters[2];  // biases, between and behind, count nothing
  std::copy_n(std::vector<float>{1, -2, 3, -4, 5, 6}.begin(), 6, first.value.data());
  std::copy_n(std::vector<float>{-1, 2, 3, -4}.begin(), 4, second.value.data());
  const ScoringData data{net, Shape({3, 1, 1}), {}};
  // The hidden neurons get 6 and 15; what they give is multiplied by 1 + 3 and 2 + 4.
  CHECK(measured_scores("synflow", data, first) == std::vector<float>{4, 8, 12, 24, 30, 36});
  CHECK(measured_scores("synflow", data, second) == std::vector<float>{6, 30, 18, 60});
}

TEST_CASE("synflow refuses networks that do not scale with their input") {
  const auto refused = [](const char* kind) {
    const auto spec = models::model_registry().make(kind);
    SetFields small;
    small.numbers = {{"width", 4}, {"dim", 12}, {"heads", 3}, {"depth", 1}};
    spec->fields(small);
    const auto model = spec->build({3, 32, 32}, 10, 1);
    PrunerSettings settings;
    settings.sparsity = 0.5;
    settings.criterion = criterion_registry().make("synflow");
    Pruner pruner(std::move(settings), model->parameters(), 1);
    const std::vector<float> before = everything_in(*model);
    const ScoringData data{*model, Shape({3, 32, 32}), {}};
    bool throws = false;
    try {
      pruner.set_data(&data);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
      throws = true;
    }
    CHECK(everything_in(*model) == before);
    return throws;
  };
  for (const char* kind : {"vit", "cct"}) CHECK(refused(kind));
  for (const char* kind : {"resnet20", "vgg16"}) CHECK_FALSE(refused(kind));
}

TEST_CASE("synflow conserves flow: every layer of a chain carries the same") {
  const auto model = chain();
  const ScoringData data{*model, Shape({3, 32, 32}), {}};
  std::vector<nn::Parameter*> targets;
  for (nn::Parameter* parameter : model->parameters()) {
    if (parameter->kind == nn::ParameterKind::weight) targets.push_back(parameter);
  }
  const std::vector<float> before = everything_in(*model);
  const auto synflow = criterion_registry().make("synflow");
  synflow->measure(data, targets);
  CHECK(everything_in(*model) == before);
  double first = 0.0;
  for (const nn::Parameter* target : targets) {
    double sum = 0.0;
    for (const float score : synflow->scores(*target).to_vector()) {
      REQUIRE(score >= 0.0f);
      sum += double{score};
    }
    CAPTURE(target->name);
    if (first == 0.0) first = sum;
    // Nine layers, each with its rounding.
    CHECK(sum == doctest::Approx(first).epsilon(1e-3));
  }
  CHECK(first > 0.0);
}

TEST_CASE("synflow says so when the flow is finite for no input, and leaves the network as it was") {
  const auto model = chain();
  const std::vector<nn::Parameter*> parameters = model->parameters();
  nn::Parameter& weight = *parameters[parameters.size() - 2];  // the classifier's: no ReLU is behind it
  weight.value.data()[0] = std::numeric_limits<float>::infinity();
  const ScoringData data{*model, Shape({3, 32, 32}), {}};
  const std::vector<float> before = everything_in(*model);
  CHECK_THROWS_WITH_AS(measured_scores("synflow", data, weight),
                       doctest::Contains("flow is not finite for any input"), Error);
  CHECK(everything_in(*model) == before);
}

TEST_CASE("synflow in rounds leaves every layer a weight where one round would not") {
  const auto density_of_thinnest = [](std::int64_t rounds) {
    const auto model = chain();
    const ScoringData data{*model, Shape({3, 32, 32}), {}};
    PrunerSettings settings;
    settings.sparsity = 0.99;
    settings.rounds = rounds;
    settings.criterion = criterion_registry().make("synflow");
    Pruner pruner(std::move(settings), model->parameters(), 1);
    pruner.set_data(&data);
    std::vector<std::string> floored;
    pruner.on_event([&](const PruneEvent& event) { floored = event.floored_layers; });
    pruner.start();
    CHECK(pruner.density() == doctest::Approx(0.01).epsilon(0.01));
    return floored.size();
  };
  CHECK(density_of_thinnest(20) == 0);
  CHECK(density_of_thinnest(1) > 0);
}

TEST_CASE("criteria that run the network leave it as it was") {
  Classifier classifier;
  classifier.data.batch_loss(0, 1.0f).backward();
  const std::vector<float> before = everything_in(classifier.model);
  for (const char* name : {"snip", "grasp", "wanda"}) {
    CAPTURE(name);
    measured_scores(name, classifier.data, classifier.weight());
    CHECK(everything_in(classifier.model) == before);
    for (const nn::Module* module : classifier.model.modules()) CHECK(module->is_training());
  }
}
