#include "experiments/sensitivity.h"

#include <algorithm>

#include "pruning/criteria/untouched.h"

namespace espalier {
namespace {

const SensitivityPoint* find_point(const std::vector<SensitivityPoint>& points, const std::string& layer,
                                   double sparsity) {
  const auto found = std::find_if(points.begin(), points.end(), [&](const SensitivityPoint& point) {
    return point.layer == layer && point.sparsity == sparsity;
  });
  return found == points.end() ? nullptr : &*found;
}

// Prunes one layer until it ends.
class PrunedLayer {
 public:
  PrunedLayer(const pruning::ScoringData& data, const SensitivitySettings& settings, nn::Parameter& layer,
              double sparsity)
      : untouched_(data.model), layer_(layer), mask_(layer.mask) {
    if (!mask_.dense()) layer.mask = Mask::from(mask_.bytes().clone());
    pruning::PrunerSettings pruner_settings;
    pruner_settings.sparsity = sparsity;
    pruner_settings.include = {layer.name};
    pruner_settings.criterion = pruning::criterion_registry().make(settings.criterion);
    pruner_settings.granularity = pruning::granularity_registry().make(settings.granularity);
    pruner_settings.granularity_kind = settings.granularity;
    pruning::Pruner pruner(std::move(pruner_settings), data.model.parameters(), 0);
    pruner.set_data(&data);
    pruner.start();
    layer.mask.apply_(layer.value);
  }
  ~PrunedLayer() { layer_.mask = mask_; }
  PrunedLayer(const PrunedLayer&) = delete;
  PrunedLayer& operator=(const PrunedLayer&) = delete;

 private:
  pruning::Untouched untouched_;
  nn::Parameter& layer_;
  Mask mask_;
};

}  // namespace

void measure_sensitivity(const pruning::ScoringData& data, const SensitivitySettings& settings,
                         const std::function<train::Metrics()>& measure_model,
                         const std::vector<SensitivityPoint>& known,
                         const std::function<void(const SensitivityPoint&)>& report) {
  const auto point = [&](const std::string& layer, double sparsity, const train::Metrics& metrics) {
    report({layer, sparsity, metrics.accuracy_percent(), metrics.loss()});
  };
  if (find_point(known, "", 0.0) == nullptr) point("", 0.0, measure_model());
  const auto granularity = pruning::granularity_registry().make(settings.granularity);
  for (nn::Parameter* layer : data.model.parameters()) {
    if (layer->kind != nn::ParameterKind::weight || !granularity->applies_to(layer->value.shape())) continue;
    for (const double sparsity : settings.sparsities) {
      if (find_point(known, layer->name, sparsity) != nullptr) continue;
      const PrunedLayer pruned(data, settings, *layer, sparsity);
      point(layer->name, sparsity, measure_model());
    }
  }
}

std::vector<std::pair<std::string, double>> sparsities_within(const std::vector<SensitivityPoint>& measured,
                                                              double points) {
  const SensitivityPoint* whole = find_point(measured, "", 0.0);
  std::vector<std::pair<std::string, double>> result;
  for (const SensitivityPoint& point : measured) {
    if (whole == nullptr || point.layer.empty()) continue;
    if (result.empty() || result.back().first != point.layer) result.emplace_back(point.layer, 0.0);
    if (point.accuracy_percent >= whole->accuracy_percent - points)
      result.back().second = std::max(result.back().second, point.sparsity);
  }
  return result;
}

}  // namespace espalier
