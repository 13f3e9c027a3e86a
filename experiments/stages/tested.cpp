#include "experiments/stages/tested.h"

#include "experiments/experiment_config.h"
#include "experiments/measure.h"

namespace espalier {

StageResult tested(const StageContext& context) {
  const train::Metrics test = measure(context.model, context.data.test, context.data.normalisation,
                                      context.config.evaluate, context.config.activation_type());
  StageResult result;
  result.test_accuracy_percent = test.accuracy_percent();
  result.test_loss = test.loss();
  return result;
}

}  // namespace espalier
