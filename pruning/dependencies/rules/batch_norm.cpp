// Each channel by itself, with its scale, shift and running statistics; and with that of a residual.
#include "pruning/dependencies/rules.h"

namespace espalier::pruning::rules {

void batch_norm(const graph::Operation& operation, int index, Couplings& couplings) {
  const std::vector<int>& inputs = operation.inputs;  // x, gamma, beta, residual, running mean and variance
  couplings.pass_all(index, inputs[0]);
  if (inputs[3] >= 0) couplings.pass_all(index, inputs[3]);
  for (const int statistics : {inputs[1], inputs[2], inputs[4], inputs[5]})
    couplings.tie_all(couplings.channels(operation.output), {statistics, 0});
}

}  // namespace espalier::pruning::rules
