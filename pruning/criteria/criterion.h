// How much a weight matters. A criterion gives every weight a score; the lowest are pruned.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "framework/core/fields.h"
#include "framework/nn/parameter.h"
#include "framework/optim/step_hook.h"

namespace espalier::pruning {

class Criterion {
 public:
  virtual ~Criterion() = default;

  // The criterion's own config keys.
  virtual void fields(FieldVisitor&) {}

  // One score a weight, of the parameter's shape: finite, low = prune first. Scores of weights that are
  // pruned already are not looked at.
  virtual Tensor scores(const nn::Parameter& parameter) = 0;

  // Before every update, with the gradients that it is about to use: for criteria that learn from training.
  virtual void observe(const optim::StepInfo&, std::span<nn::Parameter* const>) {}

  // What observe() has gathered, by name, for checkpoints.
  virtual std::vector<std::pair<std::string, Tensor>> state() { return {}; }
  virtual void load_state(const std::vector<std::pair<std::string, Tensor>>&) {}
};

// Every criterion, a row each.
const Registry<Criterion>& criterion_registry();

}  // namespace espalier::pruning
