// The shortcut that pads: channels move between channels of zeros, which stay, as many on either side.
#include "pruning/dependencies/rules.h"

namespace espalier::pruning::rules {

void subsample(const graph::Operation& operation, int index, Couplings& couplings) {
  const int input = operation.inputs[0];
  const std::int64_t channels = couplings.value(input).channels();
  const std::int64_t all = couplings.value(operation.output).channels();
  const std::int64_t before = (all - channels) / 2;
  for (std::int64_t c = 0; c < channels; ++c)
    couplings.pass(index, {.input = input, .from = c, .to = before + c});
  for (std::int64_t c = 0; c < all; ++c) {
    if (c >= before && c < before + channels) continue;
    couplings.fill_with_zeros(index, c, "the shortcut of " + operation.layer + " pads it");
  }
}

}  // namespace espalier::pruning::rules
