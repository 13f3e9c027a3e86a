#include "experiments/sensitivity.h"

#include <algorithm>

#include "framework/core/error.h"
#include "pruning/criteria/untouched.h"
#include "pruning/scopes/table.h"

namespace espalier {
namespace {

const SensitivityPoint* find_point(const std::vector<SensitivityPoint>& points, const std::string& layer,
                                   double sparsity) {
  const auto found = std::find_if(points.begin(), points.end(), [&](const SensitivityPoint& point) {
    return point.layer == layer && point.sparsity == sparsity;
  });
  return found == points.end() ? nullptr : &*found;
}

pruning::PrunerSettings pruner_settings(const SensitivitySettings& settings) {
  pruning::PrunerSettings result;
  result.criterion = pruning::criterion_registry().make(result.criterion_kind = settings.criterion);
  result.granularity = pruning::granularity_registry().make(result.granularity_kind = settings.granularity);
  return result;
}

struct Layer {
  std::string name;
  std::int64_t units = 0;
  nn::Parameter* weight = nullptr;  // null where several layers hold parts of its units
};

// Of all parameters, or of the weights that the granularity divides.
std::vector<Layer> layers_of(const pruning::ScoringData& data, const SensitivitySettings& settings) {
  std::vector<Layer> layers;
  pruning::PrunerSettings all = pruner_settings(settings);
  if (all.follows_dependencies()) {
    pruning::Pruner pruner(std::move(all), data.model.parameters(), 0);
    pruner.set_data(&data);
    for (const auto& layer : pruner.layers()) layers.push_back({layer->info().name, layer->units(), nullptr});
    return layers;
  }
  for (nn::Parameter* p : data.model.parameters()) {
    const Shape& shape = p->value.shape();
    if (p->kind == nn::ParameterKind::weight && all.granularity->applies_to(shape))
      layers.push_back({p->name, all.granularity->unit_count(shape), p});
  }
  return layers;
}

// Takes away the layers whose units the criterion cannot tell apart.
void leave_out_unscored(std::vector<Layer>& layers, const pruning::ScoringData& data,
                        const SensitivitySettings& settings, const LeaveOut& leave_out) {
  const auto criterion = pruning::criterion_registry().make(settings.criterion);
  std::vector<nn::Parameter*> weights;
  for (const Layer& layer : layers) {
    if (layer.weight != nullptr) weights.push_back(layer.weight);
  }
  if (!criterion->needs_data() || weights.empty()) return;
  criterion->check_network(data);
  criterion->measure(data, weights);
  std::erase_if(layers, [&](const Layer& layer) {
    const std::string reason = criterion->blind_to(*layer.weight);
    if (!reason.empty()) leave_out(layer.name, reason);
    return !reason.empty();
  });
}

// The sparsities at which a layer of so many units is measured.
std::vector<double> sparsities_of(const SensitivitySettings& settings, std::int64_t units) {
  if (!settings.sparsities.empty()) return settings.sparsities;
  using pruning::Structure;
  const auto granularity = pruning::granularity_registry().make(settings.granularity);
  const auto structure = granularity->structure();
  if (structure == Structure::branch || structure == Structure::layer) return {1.0};
  std::vector<double> sparsities;
  if (structure != Structure::head) {
    for (const double sparsity : {0.25, 0.5, 0.75, 0.9}) {
      if (sparsity <= granularity->max_sparsity()) sparsities.push_back(sparsity);
    }
    return sparsities;
  }
  for (std::int64_t gone = 1; gone < units; ++gone)
    sparsities.push_back(static_cast<double>(gone) / static_cast<double>(units));
  return sparsities;
}

// What is pruned for one point.
struct Cut {
  std::string point;  // the name of its layer, for the report
  std::string layer;
  double sparsity = 0.0;
  std::int64_t unit = -1;  // this one; -1: those that the criterion chooses
};

std::vector<Cut> cuts_of(const SensitivitySettings& settings, const std::vector<Layer>& layers) {
  std::vector<Cut> cuts;
  for (const Layer& layer : layers) {
    if (settings.each) {
      for (std::int64_t unit = 0; unit < layer.units; ++unit)
        cuts.push_back({fmt::format("{}[{}]", layer.name, unit), layer.name,
                        1.0 / static_cast<double>(layer.units), unit});
      continue;
    }
    for (const double sparsity : sparsities_of(settings, layer.units))
      cuts.push_back({layer.name, layer.name, sparsity, -1});
  }
  return cuts;
}

pruning::PrunerSettings pruner_settings(const SensitivitySettings& settings, const Cut& cut) {
  pruning::PrunerSettings own = pruner_settings(settings);
  own.sparsity = cut.sparsity;
  if (own.follows_dependencies()) {
    own.scope = std::make_unique<pruning::Table>(
        std::vector<pruning::Table::Row>{{cut.layer, cut.sparsity}, {"*", 0.0}});
    own.scope_kind = "table";
  } else {
    own.include = {cut.layer};
  }
  return own;
}

void remove_unit(const pruning::Pruner& pruner, const Cut& cut) {
  for (const auto& layer : pruner.layers()) {
    if (layer->info().name != cut.layer) continue;
    std::vector<std::uint8_t> keep(static_cast<std::size_t>(layer->units()), 1);
    keep[static_cast<std::size_t>(cut.unit)] = 0;
    layer->keep(keep);
  }
}

// Prunes a part of one layer until it ends.
class PrunedLayer {
 public:
  PrunedLayer(const pruning::ScoringData& data, const SensitivitySettings& settings, const Cut& cut)
      : untouched_(data.model), parameters_(data.model.parameters()) {
    for (nn::Parameter* p : parameters_) {
      masks_.push_back(p->mask);
      if (!p->mask.dense()) p->mask = Mask::from(p->mask.bytes().clone());
    }
    pruning::Pruner pruner(pruner_settings(settings, cut), parameters_, 0);
    pruner.set_data(&data);
    if (cut.unit < 0) {
      pruner.start();
    } else {
      remove_unit(pruner, cut);
    }
    for (nn::Parameter* p : parameters_) p->mask.apply_(p->value);
  }
  ~PrunedLayer() {
    for (std::size_t p = 0; p < parameters_.size(); ++p) parameters_[p]->mask = masks_[p];
  }
  PrunedLayer(const PrunedLayer&) = delete;
  PrunedLayer& operator=(const PrunedLayer&) = delete;

 private:
  pruning::Untouched untouched_;
  std::vector<nn::Parameter*> parameters_;
  std::vector<Mask> masks_;
};

}  // namespace

void check_settings(const SensitivitySettings& settings) {
  if (!pruner_settings(settings).follows_dependencies() && settings.each) {
    fail(ErrorKind::usage, "sensitivity",
         "single units are measured of granularities head, neuron, branch and layer, got '{}'",
         settings.granularity);
  }
}

void measure_sensitivity(const pruning::ScoringData& data, const SensitivitySettings& settings,
                         const std::function<train::Metrics()>& measure_model,
                         const std::vector<SensitivityPoint>& known,
                         const std::function<void(const SensitivityPoint&)>& report,
                         const LeaveOut& leave_out) {
  check_settings(settings);
  std::vector<Layer> layers = layers_of(data, settings);
  // What a pruner of one layer refuses, it refuses before anything is measured.
  for (const Cut& cut : cuts_of(settings, layers))
    pruning::Pruner(pruner_settings(settings, cut), data.model.parameters(), 0);
  leave_out_unscored(layers, data, settings, leave_out);
  const auto point = [&](const std::string& layer, double sparsity, const train::Metrics& metrics) {
    report({layer, sparsity, metrics.accuracy_percent(), metrics.loss()});
  };
  if (find_point(known, "", 0.0) == nullptr) point("", 0.0, measure_model());
  for (const Cut& cut : cuts_of(settings, layers)) {
    if (find_point(known, cut.point, cut.sparsity) != nullptr) continue;
    const PrunedLayer pruned(data, settings, cut);
    point(cut.point, cut.sparsity, measure_model());
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
