// A head is one: its features of queries, keys and values, and of the result. Softmax scales by the head's
// size, so no part of a head goes alone.
#include "pruning/dependencies/rules.h"

namespace espalier::pruning::rules {

void attention(const graph::Operation& operation, int index, Couplings& couplings) {
  const int qkv = operation.inputs[0];
  const std::int64_t features = couplings.value(operation.output).channels(),
                     head_features = features / operation.attributes.at("heads");
  const Axis in = couplings.channels(qkv), out = couplings.channels(operation.output);
  for (std::int64_t f = 0; f < features; ++f) {
    const std::int64_t first = f - f % head_features;  // of its head
    couplings.mark_head(out, f);
    couplings.tie(out, f, out, first);
    couplings.tie(in, f, out, first);
    couplings.tie(in, features + f, out, first);
    // Probabilities add up to 1: a value that is the same in every token comes out as it is.
    couplings.pass(index, {.input = qkv, .from = 2 * features + f, .to = f});
  }
}

}  // namespace espalier::pruning::rules
