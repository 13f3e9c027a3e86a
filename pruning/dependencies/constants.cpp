#include "pruning/dependencies/constants.h"

#include <algorithm>
#include <utility>

namespace espalier::pruning {

MixerWeights::MixerWeights(const Couplings& couplings, const Mixer& mixer) {
  const graph::Value& weight = couplings.value(mixer.weight);
  weight_ = weight.parameter->value.data();
  mask_ = std::as_const(weight.parameter->mask).data();
  groups_ = mixer.groups;
  rows_ = weight.shape[0] / groups_;
  columns_ = weight.shape[1];
  taps_ = weight.shape.numel() / (weight.shape[0] * columns_);
}

bool MixerWeights::connects(std::int64_t input, std::int64_t output) const {
  if (mask_ == nullptr) return true;
  const std::uint8_t* kept = mask_ + offset(input, output);
  return std::any_of(kept, kept + taps_, [](std::uint8_t byte) { return byte != 0; });
}

double MixerWeights::sum(std::int64_t input, std::int64_t output) const {
  const float* w = weight_ + offset(input, output);
  double sum = 0.0;
  for (std::int64_t t = 0; t < taps_; ++t) sum += double{w[t]};
  return sum;
}

Constants::Constants(const Couplings& couplings) : couplings_(couplings) {
  const graph::Graph& graph = couplings.graph();
  for (const graph::Value& value : graph.values)
    constant_.emplace_back(value.activation ? static_cast<std::size_t>(value.channels()) : 0, false);
  std::size_t next_mixer = 0;  // they are in the order of the operations
  for (std::size_t i = 0; i < graph.operations.size(); ++i) {
    const int index = static_cast<int>(i);
    std::vector<bool>& constant = constant_[static_cast<std::size_t>(graph.operations[i].output)];
    if (next_mixer < couplings.mixers().size() && couplings.mixers()[next_mixer].operation == index) {
      mix(couplings.mixers()[next_mixer++]);
      continue;
    }
    for (const Passage& passage : couplings.passages(index))
      constant[static_cast<std::size_t>(passage.to)] = true;
    for (const Passage& passage : couplings.passages(index)) {
      if (!passes(passage)) constant[static_cast<std::size_t>(passage.to)] = false;
    }
    for (const std::int64_t channel : couplings.zero_channels(index))
      constant[static_cast<std::size_t>(channel)] = true;
  }
}

std::optional<float> Constants::of(int value, std::int64_t channel) const {
  const auto v = static_cast<std::size_t>(value), c = static_cast<std::size_t>(channel);
  if (!constant_[v][c]) return std::nullopt;
  return couplings_.value(value).sample[c];
}

bool Constants::passes(const Passage& passage) const {
  const std::optional<float> constant = of(passage.input, passage.from);
  return constant && (passage.constants == Passage::Constants::all ||
                      (passage.constants == Passage::Constants::zero && *constant == 0.0f));
}

// A sum of constants is one. Zeros around the input break every constant but 0.
void Constants::mix(const Mixer& mixer) {
  if (couplings_.value(mixer.weight).parameter == nullptr) return;
  const MixerWeights weights(couplings_, mixer);
  for (std::int64_t output = 0; output < weights.outputs(); ++output) {
    bool all = true;
    for (std::int64_t i = 0; i < weights.inputs_of_group(); ++i) {
      const std::int64_t input = weights.first_input(output) + i;
      if (!weights.connects(input, output)) continue;
      const std::optional<float> constant = of(mixer.input, input);
      all = all && constant && (!mixer.padded || *constant == 0.0f);
    }
    constant_[static_cast<std::size_t>(mixer.output)][static_cast<std::size_t>(output)] = all;
  }
}

}  // namespace espalier::pruning
