#include "pruning/policies/rigl.h"

#include <cmath>

namespace espalier::pruning {

void RigL::observe(std::span<nn::Parameter* const> targets) {
  for (const nn::Parameter* target : targets) {
    const Tensor gradient = target->grad();
    Tensor& magnitude = gradients_[target->name];
    if (!magnitude.defined()) magnitude = Tensor::empty(target->value.shape());
    for (std::int64_t i = 0; i < magnitude.numel(); ++i)
      magnitude.data()[i] = gradient.defined() ? std::abs(gradient.data()[i]) : 0.0f;
  }
}

Tensor RigL::growth_scores(const nn::Parameter& parameter, std::int64_t) {
  return gradients_.at(parameter.name);
}

}  // namespace espalier::pruning
