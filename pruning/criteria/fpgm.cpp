#include "pruning/criteria/fpgm.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace espalier::pruning {

Tensor Fpgm::scores(const nn::Parameter& parameter) {
  const std::int64_t filters = parameter.value.dim(0), size = parameter.value.numel() / filters;
  const float* w = parameter.value.data();
  const auto alive = [&](std::int64_t f) {
    const std::uint8_t* mask = parameter.mask.dense() ? nullptr : parameter.mask.data() + f * size;
    return mask == nullptr || std::any_of(mask, mask + size, [](std::uint8_t b) { return b != 0; });
  };
  std::vector<double> sums(static_cast<std::size_t>(filters), 0.0);
  for (std::int64_t a = 0; a < filters; ++a) {
    if (!alive(a)) continue;
    for (std::int64_t b = 0; b < a; ++b) {
      if (!alive(b)) continue;
      double squares = 0.0;
      for (std::int64_t i = 0; i < size; ++i) {
        const double difference = double{w[a * size + i]} - double{w[b * size + i]};
        squares += difference * difference;
      }
      sums[static_cast<std::size_t>(a)] += std::sqrt(squares);
      sums[static_cast<std::size_t>(b)] += std::sqrt(squares);
    }
  }
  Tensor scores = Tensor::empty(parameter.value.shape());
  for (std::int64_t f = 0; f < filters; ++f)
    std::fill_n(scores.data() + f * size, size, static_cast<float>(sums[static_cast<std::size_t>(f)]));
  return scores;
}

}  // namespace espalier::pruning
