#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <vector>

#include "framework/core/files.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/modules/relu.h"
#include "framework/nn/modules/sequential.h"
#include "framework/ops/cross_entropy.h"
#include "framework/tensor/lanes.h"
#include "models/registry.h"
#include "pruning/criteria/criterion.h"
#include "pruning/pruner.h"
#include "tests/pruning/parameters.h"
#include "tests/pruning/relative_magnitude.h"
#include "tests/support/gradient_check.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;
using espalier::testing::Parameters;

namespace {

constexpr std::int64_t kImages = 5, kInputs = 4, kClasses = 3;

// A linear classifier, its data, and its loss once more in double.
struct Classifier {
  nn::Linear model{kInputs, kClasses};
  Tensor images = testing::random_tensor({kImages, kInputs}, Layout::plain, 3);
  std::vector<std::int32_t> labels = {0, 2, 1, 2, 0};
  ScoringData data{model, Shape({kInputs}), [this](std::int64_t) {
                     Tensor y = Tensor::empty({kImages}, Layout::plain, DType::i32);
                     std::copy(labels.begin(), labels.end(), y.data<std::int32_t>());
                     return ops::cross_entropy(model(to_lanes(images)), y);
                   }};

  Classifier() { nn::initialise(model, 1); }

  nn::Parameter& weight() { return *model.parameters()[0]; }

  // dL/dw at weights w [classes * inputs]
  std::vector<double> gradient(const std::vector<double>& w) {
    std::vector<double> g(w.size(), 0.0);
    const Tensor& bias = model.parameters()[1]->value;
    for (std::int64_t n = 0; n < kImages; ++n) {
      std::vector<double> p(kClasses);
      for (std::int64_t c = 0; c < kClasses; ++c) {
        double z = double{bias.data()[c]};
        for (std::int64_t i = 0; i < kInputs; ++i)
          z += w[static_cast<std::size_t>(c * kInputs + i)] * double{images.data()[n * kInputs + i]};
        p[static_cast<std::size_t>(c)] = std::exp(z);
      }
      const double sum = std::accumulate(p.begin(), p.end(), 0.0);
      for (std::int64_t c = 0; c < kClasses; ++c) {
        const double hit = labels[static_cast<std::size_t>(n)] == c ? 1.0 : 0.0;
        const double d = (p[static_cast<std::size_t>(c)] / sum - hit) / static_cast<double>(kImages);
        for (std::int64_t i = 0; i < kInputs; ++i)
          g[static_cast<std::size_t>(c * kInputs + i)] += d * double{images.data()[n * kInputs + i]};
      }
    }
    return g;
  }

  std::vector<double> weights() {
    const std::vector<float> w = weight().value.to_vector();
    return {w.begin(), w.end()};
  }
};

std::vector<float> measured_scores(const char* name, const ScoringData& data, nn::Parameter& parameter) {
  const auto criterion = criterion_registry().make(name);
  nn::Parameter* const targets[] = {&parameter};
  criterion->measure(data, targets);
  return criterion->scores(parameter).to_vector();
}

// Every bit of a model: values, buffers, gradients.
std::vector<float> everything_in(nn::Module& model) {
  std::vector<float> all;
  const auto add = [&](const Tensor& tensor) {
    if (!tensor.defined() || tensor.dtype() != DType::f32) return;
    const std::vector<float> values = tensor.to_vector();
    all.insert(all.end(), values.begin(), values.end());
  };
  for (const nn::Parameter* parameter : model.parameters()) {
    add(parameter->value);
    add(parameter->grad());
  }
  for (const nn::Buffer* buffer : model.buffers()) add(buffer->value);
  return all;
}

// A narrow VGG-11: layers in a chain.
std::shared_ptr<nn::Module> chain() {
  const auto spec = models::model_registry().make("vgg11");
  testing::SetFields narrow;
  narrow.numbers["width"] = 8;
  spec->fields(narrow);
  return spec->build({3, 32, 32}, 10, 1);
}

}  // namespace

TEST_CASE("movement adds up -w dL/dw: what grows away from zero gains") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("fc.weight", {1, 3});
  std::copy_n(std::vector<float>{2, -2, 1}.begin(), 3, p.value.data());
  p.value.set_grad(Tensor::from({-1, 0.5f, 1}, {1, 3}));  // the first two will grow in size, the third shrink
  const auto movement = criterion_registry().make("movement");
  movement->observe({0, 0.1}, parameters.list());
  movement->observe({1, 0.1}, parameters.list());
  CHECK(movement->scores(p).to_vector() == std::vector<float>{4, 2, -2});
}

TEST_CASE("taylor averages the squared change of the loss") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("fc.weight", {1, 2});
  std::copy_n(std::vector<float>{2, -3}.begin(), 2, p.value.data());
  p.value.set_grad(Tensor::from({0.5f, 1}, {1, 2}));
  const auto taylor = criterion_registry().make("taylor");
  taylor->observe({0, 0.1}, parameters.list());
  CHECK(taylor->scores(p).data()[0] == doctest::Approx(0.01 * 1.0));
  CHECK(taylor->scores(p).data()[1] == doctest::Approx(0.01 * 9.0));
}

TEST_CASE("a filter's Taylor score in the norm of its method is the mean of its weights'") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("conv.weight", {1, 1, 1, 2});
  std::copy_n(std::vector<float>{2, -3}.begin(), 2, p.value.data());
  p.value.set_grad(Tensor::from({0.5f, 1}, {1, 1, 1, 2}));
  const auto taylor = criterion_registry().make("taylor");
  taylor->observe({0, 0.1}, parameters.list());
  const auto filter = granularity_registry().make("filter");
  testing::SetFields l1;
  l1.texts["norm"] = "l1";
  filter->fields(l1);
  CHECK(filter->unit_scores(taylor->scores(p), p.mask).data()[0] == doctest::Approx(0.01 * (1.0 + 9.0) / 2));
}

TEST_CASE("soft movement refuses a warm-up and a cool-down that leave nothing between") {
  const auto soft = criterion_registry().make("soft_movement");
  testing::SetFields keys;
  keys.numbers = {{"warmup", 0.6}, {"cooldown", 0.5}};
  soft->fields(keys);
  CHECK_THROWS_WITH_AS(soft->begin(10), doctest::Contains("more than the stage"), Error);
}

TEST_CASE("soft movement trains a score by Adam, and raises its threshold after the warm-up") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("fc.weight", {1, 2});
  std::copy_n(std::vector<float>{2, -3}.begin(), 2, p.value.data());
  const auto soft = criterion_registry().make("soft_movement");
  testing::SetFields keys;
  keys.numbers = {{"lr", 0.5}, {"threshold", 0.2}, {"penalty", 0.0}, {"warmup", 0.1}, {"cooldown", 0.3}};
  soft->fields(keys);
  soft->begin(10);
  CHECK(soft->scores(p).to_vector() == std::vector<float>{0.5f, 0.5f});
  CHECK(soft->threshold() == 0.0f);
  p.value.set_grad(Tensor::from({1, 1}, {1, 2}));  // the first shrinks, the second grows
  soft->observe({0, 0.1}, parameters.list());
  // Adam's first step is the rate, whatever the slope: scores -0.5 and 0.5.
  CHECK(soft->scores(p).data()[0] == doctest::Approx(1.0 / (1.0 + std::exp(0.5))));
  CHECK(soft->scores(p).data()[1] == doctest::Approx(1.0 / (1.0 + std::exp(-0.5))));
  CHECK(soft->threshold() == 0.0f);
  for (std::int64_t step = 1; step < 4; ++step) soft->observe({step, 0.1}, parameters.list());
  CHECK(double{*soft->threshold()} == doctest::Approx(0.2 * (1.0 - 0.125)));  // half way from step 1 to 7
  for (std::int64_t step = 4; step < 7; ++step) soft->observe({step, 0.1}, parameters.list());
  CHECK(double{*soft->threshold()} == doctest::Approx(0.2));
}

TEST_CASE("soft movement's penalty pushes scores down, and the pruner takes no more than fall below it") {
  const auto density = [](double threshold, double sparsity) {
    Parameters parameters;
    parameters.add("fc.weight", {10, 20});
    PrunerSettings settings;
    settings.sparsity = sparsity;
    settings.criterion = criterion_registry().make("soft_movement");
    settings.schedule = schedule_registry().make("linear");
    testing::SetFields keys;
    keys.numbers = {{"lr", 0.1},       {"threshold", threshold}, {"penalty", 1e6}, {"warmup", 0.0},
                    {"cooldown", 1.0}, {"begin", 0.1},           {"every", 1.0}};
    settings.criterion->fields(keys);
    settings.schedule->fields(keys);
    Pruner pruner(std::move(settings), parameters.list(), 20);
    for (std::int64_t step = 0; step < 20; ++step) {
      parameters.draw_gradients(step);
      pruner.before_step({step, 0.1}, parameters.list());
      pruner.after_step({step, 0.1}, parameters.list());
    }
    return pruner.density();
  };
  CHECK(density(0.0, 0.9) == 1.0);                    // no score is below 0
  CHECK(density(0.49, 0.9) == doctest::Approx(0.1));  // all are, and the sparsity is the most that may go
}

TEST_CASE("what a criterion has gathered goes on from its state") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("fc.weight", {3, 5});
  for (const char* name : {"movement", "soft_movement", "taylor"}) {
    CAPTURE(name);
    const auto one = criterion_registry().make(name), two = criterion_registry().make(name);
    parameters.draw_gradients(1);
    one->observe({0, 0.1}, parameters.list());
    two->load_state(one->state());
    parameters.draw_gradients(2);
    one->observe({1, 0.1}, parameters.list());
    two->observe({1, 0.1}, parameters.list());
    CHECK(one->scores(p).to_vector() == two->scores(p).to_vector());
  }
}

TEST_CASE("lamp scores a weight by its share of what is left of the layer") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("fc.weight", {1, 4});
  std::copy_n(std::vector<float>{-3, 1, 5, 2}.begin(), 4, p.value.data());
  p.mask = Mask::ones(p.value.shape());
  p.mask.data()[2] = 0;
  const std::vector<float> scores = criterion_registry().make("lamp")->scores(p).to_vector();
  CHECK(scores[0] == 1.0f);
  CHECK(scores[1] == doctest::Approx(1.0 / 14));
  CHECK(scores[3] == doctest::Approx(4.0 / 13));
}

TEST_CASE("fpgm scores least the filter that lies between the others") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("conv.weight", {3, 1, 1, 2});
  std::copy_n(std::vector<float>{0, 0, 3, 4, 9, 12}.begin(), 6, p.value.data());
  CHECK(criterion_registry().make("fpgm")->scores(p).to_vector() ==
        std::vector<float>{20, 20, 15, 15, 25, 25});
}

TEST_CASE("snip is |w dL/dw|") {
  Classifier classifier;
  const std::vector<double> w = classifier.weights(), g = classifier.gradient(w);
  const std::vector<float> scores = measured_scores("snip", classifier.data, classifier.weight());
  for (std::size_t i = 0; i < w.size(); ++i)  // summed over 8 batches, all of them the same
    CHECK(scores[i] == doctest::Approx(8.0 * std::abs(w[i] * g[i])).epsilon(1e-4));
}

TEST_CASE("grasp is w (H g), to a factor") {
  Classifier classifier;
  const std::vector<double> w = classifier.weights(), g = classifier.gradient(w);
  constexpr double kStep = 1e-4;
  std::vector<double> up = w, down = w;
  for (std::size_t i = 0; i < w.size(); ++i) {
    up[i] += kStep * g[i];
    down[i] -= kStep * g[i];
  }
  const std::vector<double> g_up = classifier.gradient(up), g_down = classifier.gradient(down);
  std::vector<double> expected;
  for (std::size_t i = 0; i < w.size(); ++i) expected.push_back(w[i] * (g_up[i] - g_down[i]) / (2.0 * kStep));
  const std::vector<float> scores = measured_scores("grasp", classifier.data, classifier.weight());
  const auto norm = [](const auto& values) {
    double squares = 0.0;
    for (const double v : values) squares += v * v;
    return std::sqrt(squares);
  };
  const double factor = norm(scores) / norm(expected);
  CHECK(factor > 0.0);
  for (std::size_t i = 0; i < w.size(); ++i)
    CHECK(std::abs(double{scores[i]} / factor - expected[i]) < 1e-3 * norm(expected));
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
  classifier.data.loss(0).backward();
  const std::vector<float> before = everything_in(classifier.model);
  for (const char* name : {"snip", "grasp", "wanda"}) {
    CAPTURE(name);
    measured_scores(name, classifier.data, classifier.weight());
    CHECK(everything_in(classifier.model) == before);
    CHECK(classifier.model.is_training());
  }
}

TEST_CASE("apoz is one minus the share of zeros behind the activation") {
  nn::Sequential model;
  const auto first = model.add(std::make_shared<nn::Linear>(kInputs, 3));
  model.add(std::make_shared<nn::ReLU>());
  model.add(std::make_shared<nn::Linear>(3, kClasses));
  nn::initialise(model, 1);
  const std::vector<nn::Parameter*> parameters = model.parameters();
  std::copy_n(std::vector<float>{-100, 100, 0}.begin(), 3, parameters[1]->value.data());
  const Tensor images = testing::random_tensor({kImages, kInputs}, Layout::plain, 3);
  const Tensor labels = Tensor::zeros({kImages}, Layout::plain, DType::i32);
  const ScoringData data{model, Shape({kInputs}),
                         [&](std::int64_t) { return ops::cross_entropy(model(to_lanes(images)), labels); }};
  first->eval();  // frozen in a model that trains
  const std::vector<float> before = everything_in(model);
  const std::vector<float> scores = measured_scores("apoz", data, *parameters[0]);
  CHECK(everything_in(model) == before);
  CHECK(model.is_training());
  CHECK_FALSE(first->is_training());
  int alive = 0;  // images for which the third neuron is not 0
  for (std::int64_t n = 0; n < kImages; ++n) {
    double z = 0.0;
    for (std::int64_t i = 0; i < kInputs; ++i)
      z += double{parameters[0]->value.data()[2 * kInputs + i]} * double{images.data()[n * kInputs + i]};
    alive += z > 0.0;
  }
  REQUIRE(alive > 0);
  REQUIRE(alive < kImages);
  for (std::size_t i = 0; i < kInputs; ++i) {
    CHECK(scores[i] == 0.0f);
    CHECK(scores[kInputs + i] == 1.0f);
    CHECK(scores[2 * kInputs + i] == doctest::Approx(static_cast<double>(alive) / kImages));
  }
  const auto both = criterion_registry().make("apoz");
  both->measure(data, std::vector<nn::Parameter*>{parameters[0], parameters[2]});
  CHECK(both->scores(*parameters[2]).to_vector() == std::vector<float>(3 * kClasses, 1.0f));
  CHECK_THROWS_WITH_AS(measured_scores("apoz", data, *parameters[2]), doctest::Contains("needs a ReLU"),
                       Error);
}

TEST_CASE("bn_scale is the size of the scale behind each filter, and its penalty pulls scales to 0") {
  const auto model = chain();
  const Tensor images = testing::random_tensor({2, 3, 32, 32}, Layout::lanes, 3);
  const Tensor labels = Tensor::zeros({2}, Layout::plain, DType::i32);
  const ScoringData data{*model, Shape({3, 32, 32}),
                         [&](std::int64_t) { return ops::cross_entropy((*model)(images), labels); }};
  const std::vector<nn::Parameter*> parameters = model->parameters();
  nn::Parameter* conv = nullptr;
  for (nn::Parameter* parameter : parameters) {
    const bool is_conv = parameter->kind == nn::ParameterKind::weight && parameter->value.shape().rank() == 4;
    if (is_conv) conv = parameter;
    if (parameter->kind != nn::ParameterKind::norm || !parameter->name.ends_with("weight")) continue;
    REQUIRE(conv != nullptr);
    for (std::int64_t c = 0; c < parameter->value.numel(); ++c)
      parameter->value.data()[c] = static_cast<float>(c % 5 - 2);
    const std::vector<float> scores = measured_scores("bn_scale", data, *conv);
    const std::size_t size = scores.size() / static_cast<std::size_t>(conv->value.dim(0));
    for (std::size_t i = 0; i < scores.size(); ++i)
      REQUIRE(scores[i] == std::abs(static_cast<float>(static_cast<std::int64_t>(i / size) % 5 - 2)));

    parameter->value.set_grad(Tensor::zeros(parameter->value.shape()));
    const auto criterion = criterion_registry().make("bn_scale");
    testing::SetFields keys;
    keys.numbers["penalty"] = 0.25;
    criterion->fields(keys);
    criterion->observe({0, 0.1}, parameters);
    const std::vector<float> pull = parameter->grad().to_vector();
    CHECK(std::vector<float>(pull.begin(), pull.begin() + 5) ==
          std::vector<float>{-0.25f, -0.25f, 0.0f, 0.25f, 0.25f});
    model->zero_grad();
  }
  CHECK_THROWS_WITH_AS(measured_scores("bn_scale", data, *parameters[parameters.size() - 2]),
                       doctest::Contains("no batch norm follows"), Error);

  // The classifier, which has none, is among the targets; with dependencies it has to stay, and is not asked.
  PrunerSettings settings;
  settings.sparsity = 0.3;
  settings.dependencies = true;
  settings.granularity = granularity_registry().make(settings.granularity_kind = "filter");
  settings.criterion = criterion_registry().make(settings.criterion_kind = "bn_scale");
  Pruner pruner(std::move(settings), parameters, 1);
  pruner.set_data(&data);
  pruner.start();
  CHECK(pruner.density() < 0.8);
}

TEST_CASE("the criterion that the README adds compares layers of different scales") {
  Parameters parameters;
  nn::Parameter& small = parameters.add("small.weight", {1, 3});
  nn::Parameter& large = parameters.add("large.weight", {1, 3});
  std::copy_n(std::vector<float>{1, -2, 3}.begin(), 3, small.value.data());
  std::copy_n(std::vector<float>{100, -200, 300}.begin(), 3, large.value.data());
  RelativeMagnitude criterion;
  CHECK(criterion.scores(small).to_vector() == std::vector<float>{0.5f, 1.0f, 1.5f});
  CHECK(criterion.scores(small).to_vector() == criterion.scores(large).to_vector());
  const std::string readme = read_file(std::string(ESPALIER_SOURCE_DIR) + "/pruning/README.md", 1 << 20),
                    recipe = read_file(
                        std::string(ESPALIER_SOURCE_DIR) + "/tests/pruning/relative_magnitude.h", 1 << 20);
  CHECK(readme.find("```cpp\n" + recipe + "```") != std::string::npos);
}

TEST_CASE("a criterion that scores a living weight as no number is refused, a pruned one does not matter") {
  class Ratio : public Criterion {
   public:
    Tensor scores(const nn::Parameter& parameter) override {
      Tensor scores = Tensor::empty(parameter.value.shape());
      for (std::int64_t i = 0; i < scores.numel(); ++i)
        scores.data()[i] = parameter.value.data()[i] / parameter.value.data()[i];
      return scores;
    }
  };
  Parameters parameters;
  nn::Parameter& p = parameters.add("fc.weight", {3, 5});
  p.value.data()[7] = 0.0f;
  Ratio ratio;
  CHECK_THROWS_WITH_AS(finite_scores(ratio, p), doctest::Contains("scores weight 7 of fc.weight as"), Error);
  p.mask = Mask::ones(p.value.shape());
  p.mask.data()[7] = 0;
  CHECK_NOTHROW(finite_scores(ratio, p));
}

TEST_CASE("a criterion that needs data says so when it has none") {
  Parameters parameters;
  parameters.add("fc.weight", {3, 5});
  PrunerSettings settings;
  settings.sparsity = 0.5;
  settings.criterion = criterion_registry().make("snip");
  settings.criterion_kind = "snip";
  Pruner pruner(std::move(settings), parameters.list(), 1);
  CHECK_THROWS_WITH_AS(pruner.start(), doctest::Contains("'snip' needs a network"), Error);
}
