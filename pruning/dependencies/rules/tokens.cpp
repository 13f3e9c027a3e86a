// What takes tokens together, or some of them out, feature by feature: a slice, a sum, and a product with
// weights of tokens from the left (sequence pooling).
#include "pruning/dependencies/rules.h"

namespace espalier::pruning::rules {

void slice(const graph::Operation& operation, int index, Couplings& couplings) {
  const int input = operation.inputs[0];
  const graph::Value& output = couplings.value(operation.output);
  const bool along_channels = operation.attributes.at("dimension") == output.channel_dimension();
  const std::int64_t begin = along_channels ? operation.attributes.at("begin") : 0;
  for (std::int64_t c = 0; c < output.channels(); ++c)
    couplings.pass(index, {.input = input, .from = begin + c, .to = c});
  if (!along_channels) return;
  for (std::int64_t c = 0; c < couplings.value(input).channels(); ++c)
    couplings.pin(couplings.channels(input), c, operation.where() + " cuts them at fixed places");
}

void sum(const graph::Operation& operation, int index, Couplings& couplings) {
  const graph::Value& input = couplings.value(operation.inputs[0]);
  const graph::Value& output = couplings.value(operation.output);
  const auto summed = static_cast<std::uint64_t>(operation.attributes.at("dimensions"));
  const bool stays_in_place = output.shape.rank() == input.shape.rank() || output.shape.rank() == 2;
  if ((summed >> input.channel_dimension() & 1) != 0 || !stays_in_place)
    return pin_operation(operation, couplings, operation.where() + " adds them up");
  couplings.pass_all(index, operation.inputs[0]);
}

void matmul(const graph::Operation& operation, int index, Couplings& couplings) {
  const int weights = operation.inputs[0], tokens = operation.inputs[1];
  if (couplings.value(tokens).shape.rank() != 3)
    return pin_operation(operation, couplings, operation.where() + " has no rule for heads");
  couplings.pin_all(couplings.channels(weights), operation.where() + " has a token for each");
  couplings.pass_all(index, tokens, Passage::Constants::zero);  // the weights may add up to anything
}

}  // namespace espalier::pruning::rules
