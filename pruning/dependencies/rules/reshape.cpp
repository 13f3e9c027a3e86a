// Flattening planes into features: channel c becomes H*W features side by side. Any other change of shape
// takes channels apart.
#include "pruning/dependencies/rules.h"

namespace espalier::pruning::rules {

void reshape(const graph::Operation& operation, int index, Couplings& couplings) {
  const int input = operation.inputs[0];
  const Shape& from = couplings.value(input).shape;
  const Shape& to = couplings.value(operation.output).shape;
  const bool flattens = from.rank() == 4 && to.rank() == 2;
  if (from == to) return couplings.pass_all(index, input);
  if (!flattens) {
    return pin_operation(operation, couplings,
                         operation.where() + " does not keep the channels of " + from.str() + " apart");
  }
  const std::int64_t pixels = from[2] * from[3];
  for (std::int64_t feature = 0; feature < to[1]; ++feature)
    couplings.pass(index, {.input = input, .from = feature / pixels, .to = feature});
}

}  // namespace espalier::pruning::rules
