#include "experiments/stages/complete_stage.h"

#include "experiments/about.h"
#include "experiments/run_directory.h"
#include "experiments/summary.h"
#include "framework/nn/summary.h"

namespace espalier {

void complete_stage(StageContext& context, const std::string& kind, const StageResult& result) {
  const train::Checkpoint model{about_stage(context), train::model_tensors(context.model), std::nullopt};
  const nn::ModelSummary cost = nn::summary(context.model, context.data.test->image_shape());
  context.directory.complete(model, stage_summary(context, kind, result, cost));
}

}  // namespace espalier
