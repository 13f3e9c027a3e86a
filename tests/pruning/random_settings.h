// What tests of random combinations share: how they draw, and what holds for every combination.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/optim/ema.h"
#include "pruning/pruner.h"

namespace espalier::testing {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed, "combinations") {}

  bool one_in(std::uint32_t n) { return random_.below(n) == 0; }
  std::string any_of(const std::vector<std::string>& names) {
    return names[random_.below(static_cast<std::uint32_t>(names.size()))];
  }
  // 0.1, 0.2, .. 0.9
  double tenths() { return 0.1 * static_cast<double>(1 + random_.below(9)); }
  std::int64_t from_1_to(std::uint32_t n) { return 1 + static_cast<std::int64_t>(random_.below(n)); }
  double uniform() { return double{random_.uniform()}; }

 private:
  Random random_;
};

inline void draw_floors(Draw& draw, pruning::PrunerSettings& settings) {
  if (draw.one_in(4)) settings.min_layer_density = draw.one_in(2) ? 0.1 : 0.3;
  if (draw.one_in(3)) settings.on_collapse = "refuse";
}

inline std::string describe(const pruning::PrunerSettings& s) {
  return fmt::format(
      "sparsity {:.3f} of the {} in {} rounds, criterion {}, granularity {}{}, scope {}, schedule {}, "
      "regrow {}, control {}, include {}, exclude {}, floor {}, on_collapse {}",
      s.sparsity, s.target, s.rounds, s.criterion_kind, s.granularity_kind,
      s.dependencies ? " with dependencies" : "", s.scope_kind, s.schedule_kind, s.regrow_kind, s.control,
      fmt::join(s.include, " "), fmt::join(s.exclude, " "), s.min_layer_density, s.on_collapse);
}

// A combination that makes no sense is an error of usage. What collapses is found out while it is pruned.
inline bool is_refusal(const Error& error, bool may_collapse) {
  const bool collapsed = std::string(error.what()).find("without a single unit") != std::string::npos;
  return collapsed ? may_collapse : error.kind() == ErrorKind::usage;
}

// What is to be pruned in the end, of all weights that compete. A table names other sparsities than the
// pruner's.
inline double asked_of(const pruning::Pruner& pruner, const pruning::Scope& scope, double sparsity) {
  std::vector<pruning::LayerInfo> infos;
  for (const auto& layer : pruner.layers()) infos.push_back(layer->info());
  double asked = 0.0, all = 0.0;
  for (const pruning::Quota& quota : scope.quotas(infos, sparsity)) {
    for (const std::size_t l : quota.layers) {
      const auto weights = static_cast<double>(pruner.layers()[l]->weights());
      asked += quota.sparsity * weights;
      all += weights;
    }
  }
  return asked / all;
}

// Do averages keep to the masks?
inline bool averages_are_masked(optim::Ema& averages, nn::Module& model) {
  const optim::AveragedWeights averaged(&averages);
  const std::vector<nn::Parameter*> parameters = model.parameters();
  return std::all_of(parameters.begin(), parameters.end(),
                     [](const nn::Parameter* p) { return p->mask.dense() || p->mask.holds(p->value); });
}

}  // namespace espalier::testing
