#include "pruning/criteria/lamp.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace espalier::pruning {

Tensor Lamp::scores(const nn::Parameter& parameter) {
  const float* w = parameter.value.data();
  std::vector<std::int64_t> order;  // alive weights, largest first; equal ones as they lie
  for (std::int64_t i = 0; i < parameter.value.numel(); ++i) {
    if (parameter.mask.dense() || parameter.mask.data()[i] != 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return std::abs(w[a]) > std::abs(w[b]); });
  Tensor scores = Tensor::zeros(parameter.value.shape());
  double sum = 0.0;
  for (const std::int64_t i : order) {
    const double square = double{w[i]} * double{w[i]};
    sum += square;
    scores.data()[i] = sum > 0.0 ? static_cast<float>(square / sum) : 0.0f;
  }
  return scores;
}

}  // namespace espalier::pruning
