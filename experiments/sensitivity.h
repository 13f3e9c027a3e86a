// How much each layer suffers when it alone is pruned: accuracy against sparsity, without training. Han et
// al., "Learning both weights and connections", NeurIPS 2015; Li et al., "Pruning filters for efficient
// ConvNets", ICLR 2017. A layer is whatever a pruner's scope would call one: a weight, the heads of an
// attention, the neurons of an MLP, a residual branch.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "framework/train/metrics.h"
#include "pruning/pruner.h"

namespace espalier {

struct SensitivityPoint {
  std::string layer;      // "": the model as it is
  double sparsity = 0.0;  // asked for, of the layer
  double accuracy_percent = 0.0;
  double loss = 0.0;
};

struct SensitivitySettings {
  // Empty: of heads one less after the other, of branches all or nothing, else 0.25, 0.5, 0.75 and 0.9, as
  // far as the granularity goes.
  std::vector<double> sparsities;
  std::string criterion = "magnitude", granularity = "element";
  // Instead, every head, neuron or branch by itself: a layer of a point is then
  // "blocks.0.attn.qkv.weight[2]".
  bool each = false;
};

// Throws Error (usage) for what is wrong whatever the model: names that nothing bears, and single units of a
// granularity of weights.
void check_settings(const SensitivitySettings& settings);

// Is told which layers are not measured, since the criterion cannot tell their units apart, and why.
using LeaveOut = std::function<void(const std::string& layer, const std::string& reason)>;

// Measures the model, then every layer that can be pruned at every sparsity, and calls `report` with each
// point. Throws Error (usage), before it measures anything, for settings that make no sense together or with
// the model. A point that `known` holds is not measured again. The model is left as it was.
void measure_sensitivity(
    const pruning::ScoringData& data, const SensitivitySettings& settings,
    const std::function<train::Metrics()>& measure_model, const std::vector<SensitivityPoint>& known,
    const std::function<void(const SensitivityPoint&)>& report,
    const LeaveOut& leave_out = [](const std::string&, const std::string&) {});

// For every layer the largest sparsity at which the model loses at most `points` of accuracy; 0 where none
// is.
std::vector<std::pair<std::string, double>> sparsities_within(const std::vector<SensitivityPoint>& measured,
                                                              double points);

}  // namespace espalier
