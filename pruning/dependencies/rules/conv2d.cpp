// Rows of the weight are output channels; its columns the input channels of a group. A depthwise convolution
// keeps channels apart.
#include "pruning/dependencies/rules.h"

namespace espalier::pruning::rules {

void conv2d(const graph::Operation& operation, int index, Couplings& couplings) {
  const std::int64_t groups = operation.attributes.at("groups");
  couplings.mix(
      {.operation = index,
       .input = operation.inputs[0],
       .weight = operation.inputs[1],
       .bias = operation.inputs[2],
       .output = operation.output,
       .groups = groups,
       .padded = operation.attributes.at("padding_h") > 0 || operation.attributes.at("padding_w") > 0,
       .one_to_one = groups > 1 && groups == couplings.value(operation.inputs[0]).channels()});
}

}  // namespace espalier::pruning::rules
