#include "experiments/stages/prune.h"

#include <chrono>

#include "experiments/config/clone.h"
#include "experiments/experiment_config.h"
#include "experiments/stages/scoring_batches.h"
#include "experiments/stages/tested.h"
#include "experiments/stages/watch_pruner.h"
#include "framework/core/error.h"

namespace espalier {

void PruneStage::fields(FieldVisitor& v) {
  v.tables("prune", prune_, "pruners, applied one after the other");
}

void PruneStage::rehearse(const StageInputs& inputs) const {
  for (pruning::PrunerSettings& settings : prune_) {
    const pruning::Pruner pruner(clone_settings(settings), inputs.model.parameters(), 0);
    pruner.check_network({inputs.model, inputs.data.train->image_shape(), {}});
  }
}

StageResult PruneStage::run(StageContext& context) const {
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<nn::Parameter*> parameters = context.model.parameters();
  const ScoringBatches batches(context.model, context.data, context.config, 0.0);
  for (pruning::PrunerSettings& settings : prune_) {
    // No steps are taken, so every schedule is at its start and its end at once.
    pruning::Pruner pruner(clone_settings(settings), parameters, 0);
    pruner.set_data(&batches.data());
    watch_pruner(context, pruner);
    pruner.start();
  }
  for (nn::Parameter* parameter : parameters) {
    if (!parameter->mask.dense()) parameter->mask.apply_(parameter->value);
  }
  StageResult result = tested(context);
  result.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

}  // namespace espalier
