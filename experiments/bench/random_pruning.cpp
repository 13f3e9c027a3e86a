#include "experiments/bench/random_pruning.h"

#include "framework/core/error.h"
#include "pruning/pruner.h"

namespace espalier::bench {

void check_random_pruning(double sparsity, int block) {
  if (!(sparsity >= 0.0 && sparsity < 1.0))
    fail(ErrorKind::usage, "espalier bench", "--sparsity expects fractions below 1, got {}", sparsity);
  if (block != 1 && block != 4) {
    fail(ErrorKind::usage, "espalier bench", "there are kernels for blocks of 1x1 and 4x4, not {0}x{0}",
         block);
  }
}

void prune_at_random(nn::Module& model, double sparsity, int block) {
  check_random_pruning(sparsity, block);
  pruning::PrunerSettings settings;
  settings.sparsity = sparsity;
  settings.criterion = pruning::criterion_registry().make(settings.criterion_kind = "random");
  settings.scope = pruning::scope_registry().make(settings.scope_kind = "per_layer");
  settings.granularity =
      pruning::granularity_registry().make(settings.granularity_kind = block == 1 ? "element" : "block");
  const std::vector<nn::Parameter*> parameters = model.parameters();
  for (const nn::Parameter* parameter : parameters) {
    if (parameter->kind == nn::ParameterKind::weight &&
        !settings.granularity->applies_to(parameter->value.shape()))
      settings.exclude.push_back(parameter->name);
  }
  pruning::Pruner(std::move(settings), parameters, 0).start();
  for (nn::Parameter* parameter : parameters) {
    if (!parameter->mask.dense()) parameter->mask.apply_(parameter->value);
  }
}

}  // namespace espalier::bench
