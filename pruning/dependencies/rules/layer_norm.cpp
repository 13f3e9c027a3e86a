// Mean and variance of a token are those of all its features: without one of them the others would be scaled
// otherwise, even where it is 0.
#include "pruning/dependencies/rules.h"

namespace espalier::pruning::rules {

void layer_norm(const graph::Operation& operation, int, Couplings& couplings) {
  pin_operation(operation, couplings, operation.where() + " takes mean and variance over all features");
  const Axis features = couplings.channels(operation.output);
  couplings.tie_all(features, couplings.channels(operation.inputs[0]));
  for (const int scale_or_shift : {operation.inputs[1], operation.inputs[2]})
    couplings.tie_all(features, {scale_or_shift, 0});
}

}  // namespace espalier::pruning::rules
