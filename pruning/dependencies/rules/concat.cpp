// Channels side by side; or, along another dimension, the same channels of every part.
#include "pruning/dependencies/rules.h"

namespace espalier::pruning::rules {

void concat(const graph::Operation& operation, int index, Couplings& couplings) {
  const graph::Value& output = couplings.value(operation.output);
  const bool along_channels = operation.attributes.at("dimension") == output.channel_dimension();
  std::int64_t offset = 0;
  for (const int part : operation.inputs) {
    const std::int64_t channels = couplings.value(part).channels();
    for (std::int64_t c = 0; c < channels; ++c) {
      // Parts side by side in one channel may each have a constant of its own.
      couplings.pass(index,
                     {.input = part,
                      .from = c,
                      .to = offset + c,
                      .constants = along_channels ? Passage::Constants::all : Passage::Constants::zero});
    }
    if (along_channels) offset += channels;
  }
}

}  // namespace espalier::pruning::rules
