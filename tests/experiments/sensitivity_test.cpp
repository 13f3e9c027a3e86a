#include "experiments/sensitivity.h"

#include <doctest/doctest.h>

#include "models/registry.h"
#include "tests/support/set_fields.h"

namespace espalier {
namespace {

std::shared_ptr<nn::Module> small_model() {
  const auto spec = models::model_registry().make("resnet20");
  testing::SetFields narrow;
  narrow.numbers["width"] = 4;
  spec->fields(narrow);
  return spec->build({3, 8, 8}, 10, 1);
}

// "Accuracy" is the share of convolution weights that are there.
train::Metrics count_weights(nn::Module& model) {
  train::Metrics metrics;
  for (const nn::Parameter* parameter : model.parameters()) {
    metrics.images += parameter->value.numel();
    for (const float w : parameter->value.to_vector()) metrics.correct += w != 0.0f ? 1 : 0;
  }
  return metrics;
}

}  // namespace

TEST_CASE("every layer is measured alone at every sparsity, and the model comes back") {
  const auto model = small_model();
  const pruning::ScoringData data{*model, Shape({3, 8, 8}), {}};
  const SensitivitySettings settings{{0.5, 1.0}, "magnitude", "element"};
  const std::int64_t whole = count_weights(*model).correct;
  std::vector<SensitivityPoint> points;
  std::vector<std::int64_t> counts;
  const auto measure = [&] {
    counts.push_back(count_weights(*model).correct);
    return count_weights(*model);
  };
  measure_sensitivity(data, settings, measure, {}, [&](const SensitivityPoint& p) { points.push_back(p); });
  CHECK(count_weights(*model).correct == whole);
  std::size_t i = 0;
  CHECK(points[i].layer.empty());
  CHECK(counts[i++] == whole);
  for (const nn::Parameter* p : model->parameters()) {
    CHECK(p->mask.dense());
    if (p->kind != nn::ParameterKind::weight) continue;
    for (const double sparsity : settings.sparsities) {
      CAPTURE(p->name);
      CHECK(points[i].layer == p->name);
      CHECK(points[i].sparsity == sparsity);
      // A layer's best weight is always kept.
      const double pruned = std::min(sparsity * static_cast<double>(p->value.numel()),
                                     static_cast<double>(p->value.numel() - 1));
      CHECK(static_cast<double>(whole - counts[i++]) == doctest::Approx(pruned).epsilon(0.01));
    }
  }
  CHECK(i == points.size());

  // What is known is not measured again.
  const std::vector<SensitivityPoint> half(points.begin(), points.begin() + 7);
  std::vector<SensitivityPoint> rest;
  measure_sensitivity(data, settings, measure, half, [&](const SensitivityPoint& p) { rest.push_back(p); });
  CHECK(rest.size() == points.size() - 7);
  CHECK(rest.front().layer == points[7].layer);
}

TEST_CASE("the sparsities within a loss are each layer's largest that keeps to it") {
  const std::vector<SensitivityPoint> points = {{"", 0, 90, 0},     {"a", 0.5, 89.5, 0}, {"a", 0.9, 88, 0},
                                                {"b", 0.5, 80, 0},  {"b", 0.9, 50, 0},   {"c", 0.5, 90, 0},
                                                {"c", 0.9, 89.1, 0}};
  const std::vector<std::pair<std::string, double>> expected = {{"a", 0.5}, {"b", 0.0}, {"c", 0.9}};
  CHECK(sparsities_within(points, 1.0) == expected);
}

}  // namespace espalier
