#include "pruning/criteria/magnitude.h"

#include <cmath>

namespace espalier::pruning {

Tensor Magnitude::scores(const nn::Parameter& parameter) {
  Tensor scores = Tensor::empty(parameter.value.shape());
  const float* w = parameter.value.data();
  float* s = scores.data();
  const std::int64_t numel = scores.numel();
  for (std::int64_t i = 0; i < numel; ++i) s[i] = std::abs(w[i]);
  return scores;
}

}  // namespace espalier::pruning
