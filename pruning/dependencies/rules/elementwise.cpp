// Functions of one element, and of two that lie at the same place after broadcasting.
#include "pruning/dependencies/rules.h"

namespace espalier::pruning::rules {
namespace {

// Of a plain operand aligned to the right of the output, as NumPy broadcasts: which of its dimensions runs
// along the output's channels, or -1.
int dimension_along_channels(const graph::Value& operand, const graph::Value& output) {
  return output.channel_dimension() - (output.shape.rank() - operand.shape.rank());
}

// Does it repeat along everything but the channels?
bool varies_by_channel_only(const graph::Value& operand, int along) {
  for (int d = 0; d < operand.shape.rank(); ++d) {
    if (d != along && operand.shape[d] != 1) return false;
  }
  return true;
}

}  // namespace

void unary(const graph::Operation& operation, int index, Couplings& couplings) {
  couplings.pass_all(index, operation.inputs[0]);
}

void binary(const graph::Operation& operation, int index, Couplings& couplings) {
  const graph::Value& output = couplings.value(operation.output);
  bool uniform = true;  // no operand without a batch varies over pixels or tokens
  for (const int operand : operation.inputs) {
    const graph::Value& value = couplings.value(operand);
    if (value.activation) continue;
    const int along = dimension_along_channels(value, output);
    uniform = uniform && varies_by_channel_only(value, along);
    if (along < 0 || value.shape[along] == 1) continue;
    if (along > 1) return pin_operation(operation, couplings, operation.where() + " broadcasts an operand");
    couplings.tie_all({operand, along}, couplings.channels(operation.output));
  }
  for (const int operand : operation.inputs) {
    const graph::Value& value = couplings.value(operand);
    if (!value.activation) continue;
    if (value.channels() == output.channels()) {
      couplings.pass_all(index, operand, uniform ? Passage::Constants::all : Passage::Constants::none);
    } else {  // one channel for all
      couplings.pin_all(couplings.channels(operand), operation.where() + " repeats it over all channels");
    }
  }
}

}  // namespace espalier::pruning::rules
