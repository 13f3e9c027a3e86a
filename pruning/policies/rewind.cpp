#include "pruning/policies/rewind.h"

#include <utility>

#include "framework/core/random.h"
#include "framework/nn/init.h"

namespace espalier::pruning {

void rewind_(nn::Module& model, const NamedTensors& snapshot) {
  model.load_state_dict(snapshot);
  for (nn::Parameter* parameter : model.parameters()) {
    if (!parameter->mask.dense()) parameter->mask.apply_(parameter->value);
  }
}

void reinitialise_(nn::Module& model, std::uint64_t seed) {
  nn::initialise(model, Random(seed, "reinitialise").next_u64());
}

void shuffle_masks_(std::span<nn::Parameter* const> parameters, std::uint64_t seed) {
  for (nn::Parameter* parameter : parameters) {
    if (parameter->mask.dense()) continue;
    Random random(seed, "shuffle masks", hash_text(parameter->name));
    std::uint8_t* mask = parameter->mask.data();
    for (std::int64_t i = parameter->value.numel() - 1; i > 0; --i)
      std::swap(mask[i], mask[random.below(static_cast<std::uint32_t>(i + 1))]);
    parameter->mask.apply_(parameter->value);
  }
}

}  // namespace espalier::pruning
