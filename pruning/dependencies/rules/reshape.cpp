// Flattening: of planes, channel c becomes H*W features side by side; of tokens, T features at distance C; a
// single token keeps its features. Any other change of shape takes channels apart.
#include "pruning/dependencies/rules.h"

namespace espalier::pruning::rules {

void reshape(const graph::Operation& operation, int index, Couplings& couplings) {
  const int input = operation.inputs[0];
  const Shape& from = couplings.value(input).shape;
  const Shape& to = couplings.value(operation.output).shape;
  if (from == to) return couplings.pass_all(index, input);
  if (to.rank() != 2 || from.rank() < 3) {
    return pin_operation(operation, couplings,
                         operation.where() + " does not keep the channels of " + from.str() + " apart");
  }
  for (std::int64_t feature = 0; feature < to[1]; ++feature) {
    const std::int64_t channel = from.rank() == 4 ? feature / (from[2] * from[3]) : feature % from[2];
    couplings.pass(index, {.input = input, .from = channel, .to = feature});
  }
}

}  // namespace espalier::pruning::rules
