// Which channels carry the same number in every image, at every pixel: those that a pruned filter leaves
// behind.
//
// That a channel is constant follows from the masked weights alone, operation by operation; what the constant
// is was seen when the graph was traced.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pruning/dependencies/couplings.h"

namespace espalier::pruning {

// The weights of a mixer, by input and output channel of the whole layer.
class MixerWeights {
 public:
  MixerWeights(const Couplings& couplings, const Mixer& mixer);

  std::int64_t inputs() const { return groups_ * columns_; }
  std::int64_t outputs() const { return groups_ * rows_; }
  // The output channels that see an input channel: first, and how many.
  std::int64_t first_output(std::int64_t input) const { return input / columns_ * rows_; }
  std::int64_t outputs_of_group() const { return rows_; }
  std::int64_t first_input(std::int64_t output) const { return output / rows_ * columns_; }
  std::int64_t inputs_of_group() const { return columns_; }
  // Is any weight between the two left by the mask? They are of one group. A weight that merely is 0 counts:
  // training may move it.
  bool connects(std::int64_t input, std::int64_t output) const;
  // The sum of the weights between them, over the kernel's taps.
  double sum(std::int64_t input, std::int64_t output) const;

 private:
  // The first weight between them.
  std::int64_t offset(std::int64_t input, std::int64_t output) const {
    return (output * columns_ + input % columns_) * taps_;
  }

  const float* weight_;
  const std::uint8_t* mask_;                     // null: dense
  std::int64_t groups_, rows_, columns_, taps_;  // rows and columns of a group
};

class Constants {
 public:
  // Weights are the model's present ones, which the graph was traced with.
  explicit Constants(const Couplings& couplings);

  // The constant that a channel of an activation carries; nothing when it varies, or may.
  std::optional<float> of(int value, std::int64_t channel) const;

 private:
  bool passes(const Passage& passage) const;
  void mix(const Mixer& mixer);

  const Couplings& couplings_;
  std::vector<std::vector<bool>> constant_;  // a value, a channel
};

}  // namespace espalier::pruning
