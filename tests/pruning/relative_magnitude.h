// |w| / mean |w| of the layer: magnitude that can be compared between layers of different scales.
#pragma once

#include <cmath>

#include "pruning/criteria/criterion.h"

namespace espalier::pruning {

class RelativeMagnitude : public Criterion {
 public:
  Tensor scores(const nn::Parameter& parameter) override {
    Tensor scores = Tensor::empty(parameter.value.shape());
    double sum = 0.0;
    for (const float w : parameter.value.to_vector()) sum += std::abs(double{w});
    const double mean = sum / static_cast<double>(scores.numel());
    for (std::int64_t i = 0; i < scores.numel(); ++i)
      scores.data()[i] = mean > 0.0 ? static_cast<float>(std::abs(parameter.value.data()[i]) / mean) : 0.0f;
    return scores;
  }
};

}  // namespace espalier::pruning
