// What may happen inside an optimizer step besides the update: pruning, regrowth, score updates.
#pragma once

#include <cstdint>
#include <span>

#include "framework/nn/parameter.h"

namespace espalier::optim {

struct StepInfo {
  std::int64_t step = 0;   // steps completed before this one: 0 in the first
  double lr = 0.0;         // of this step
  std::int64_t begin = 0;  // `step` of the first, where training begins later (Optimizer::begin_at)
};

// The order within Optimizer::step(): every hook's before_step, dormant weights wake, one fused masked update
// a parameter, every hook's after_step; then, if one of them changed a mask, weights and moments are zeroed
// under it, and what is dormant goes back to rest.
class StepHook {
 public:
  virtual ~StepHook() = default;

  // Will before_step read the gradients of pruned weights in the step that follows `step` completed ones?
  // Only then are they sure to be there; elsewhere sparse kernels may leave them 0.
  virtual bool reads_pruned_gradients(std::int64_t /*step*/) const { return false; }
  // Gradients are complete. Weights are still those of the forward pass.
  virtual void before_step(const StepInfo&, std::span<nn::Parameter* const>) {}
  // Weights are updated. Returns whether it changed a mask.
  virtual bool after_step(const StepInfo&, std::span<nn::Parameter* const>) { return false; }
};

}  // namespace espalier::optim
