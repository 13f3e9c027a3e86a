// The definition of correct for optimizer steps: one element in double, as PyTorch's documentation writes it.
#pragma once

#include <cmath>

#include "kernels/update/update.h"

namespace espalier::kernels::reference {

inline void sgd(const SgdParams& p, bool kept, double gradient, double& weight, double& momentum_buffer) {
  double g = gradient * p.gradient_scale;
  if (p.decoupled) {
    weight -= double{p.lr} * p.weight_decay * weight;
  } else {
    g += p.weight_decay * weight;
  }
  if (p.momentum != 0.0f) {
    momentum_buffer = p.momentum * momentum_buffer + g;
    g = p.nesterov ? g + p.momentum * momentum_buffer : momentum_buffer;
  }
  weight -= p.lr * g;
  if (!kept) weight = momentum_buffer = 0.0;
}

inline void adam(const AdamParams& p, bool kept, double gradient, double& weight, double& first_moment,
                 double& second_moment) {
  double g = gradient * p.gradient_scale;
  if (p.decoupled) {
    weight -= double{p.lr} * p.weight_decay * weight;
  } else {
    g += p.weight_decay * weight;
  }
  first_moment = p.beta1 * first_moment + (1.0 - p.beta1) * g;
  second_moment = p.beta2 * second_moment + (1.0 - p.beta2) * g * g;
  const double step = static_cast<double>(p.step);
  const double mean = first_moment / (1.0 - std::pow(p.beta1, step));
  const double square = second_moment / (1.0 - std::pow(p.beta2, step));
  weight -= p.lr * mean / (std::sqrt(square) + p.epsilon);
  if (!kept) weight = first_moment = second_moment = 0.0;
}

}  // namespace espalier::kernels::reference
