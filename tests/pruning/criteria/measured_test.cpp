// Criteria that run the network at the moment of pruning, against its gradients and activations by hand.
#include "pruning/criteria/measured.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "pruning/pruner.h"
#include "tests/pruning/criteria/networks.h"

using namespace espalier;
using namespace espalier::pruning;
using namespace espalier::testing;

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
