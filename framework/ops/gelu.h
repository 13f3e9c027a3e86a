#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

enum class Gelu {
  erf,   // x * Phi(x), Phi the distribution function of the standard normal
  tanh,  // its approximation 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
};

// The Gaussian error linear unit of each element, of any shape and layout (Hendrycks and Gimpel,
// arXiv:1606.08415).
Tensor gelu(const Tensor& x, Gelu formula = Gelu::erf);

}  // namespace espalier::ops
