#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

struct BatchNormOptions {
  bool training = true;
  float momentum = 0.1f;  // weight of this batch in the running statistics
  float eps = 1e-5f;      // added to the variance
  bool relu = false;      // clamp the result at zero in the same pass
};

// Batch normalisation of each channel (Ioffe and Szegedy, arXiv:1502.03167), with what follows it in a
// residual network in the same pass:
//
//   y = [relu] (gamma[c] * (x - mean[c]) / sqrt(variance[c] + eps) + beta[c] [+ residual])
//
//   x, residual                lanes [N, C, H, W]; residual undefined: none
//   gamma, beta                plain [C]
//   running_mean, running_var  plain [C]
//
// Training: mean and (biased) variance are the batch's, and the running statistics move towards the batch's
// mean and unbiased variance by `momentum`. Otherwise mean and variance are the running statistics,
// unchanged. Gradients of x, gamma, beta and residual. Throws Error when shapes do not fit, or when a channel
// has a single value to train on.
Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, Tensor& running_mean,
                  Tensor& running_var, const BatchNormOptions& options = {}, const Tensor& residual = {});

}  // namespace espalier::ops
