// Each channel by itself. Averages count padding as zeros, maxima do not see it.
#include "pruning/dependencies/rules.h"

namespace espalier::pruning::rules {

void pool(const graph::Operation& operation, int index, Couplings& couplings) {
  const auto padding = operation.attributes.find("padding");
  const bool padded =
      operation.op != "max_pool2d" && padding != operation.attributes.end() && padding->second > 0;
  couplings.pass_all(index, operation.inputs[0], padded ? Passage::Constants::zero : Passage::Constants::all);
}

}  // namespace espalier::pruning::rules
