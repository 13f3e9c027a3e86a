#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// Layer normalisation over the last dimension (Ba et al., arXiv:1607.06450):
//
//   y = gamma[c] * (x - mean) / sqrt(variance + eps) + beta[c]      mean and (biased) variance of each row
//
//   x            lanes [N, C] or [N, T, C]
//   gamma, beta  plain [C]
//
// Gradients of x, gamma and beta.
Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, float eps = 1e-5f);

}  // namespace espalier::ops
