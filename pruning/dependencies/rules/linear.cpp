// Rows of the weight are output features, its columns input features.
#include "pruning/dependencies/rules.h"

namespace espalier::pruning::rules {

void linear(const graph::Operation& operation, int index, Couplings& couplings) {
  couplings.mix({.operation = index,
                 .input = operation.inputs[0],
                 .weight = operation.inputs[1],
                 .bias = operation.inputs[2],
                 .output = operation.output});
}

}  // namespace espalier::pruning::rules
