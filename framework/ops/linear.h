#pragma once

#include "framework/ops/sparse_passes.h"
#include "kernels/gemm/gemm.h"

namespace espalier::ops {

// Fully connected layer:  y[.., oc] = bias[oc] + sum over ic of weight[oc, ic] * x[.., ic]
//
//   x       lanes [N, IC] or, a layer for each token, [N, T, IC]
//   weight  plain [OC, IC]
//   bias    plain [OC], or undefined: none
//   sparse  of weights that are 0 outside the pattern: the result is the same, but for the order of sums
//   result  lanes [N, OC] or [N, T, OC]
//
// Gradients of x, weight and bias; with sparse.backward_weights, the weight's is 0 outside the pattern.
// Throws Error when shapes do not fit.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const SparsePasses& sparse = {});

// What linear hands to the kernels. Throws Error as it does.
kernels::LinearShape linear_shape(const Tensor& x, const Tensor& weight, const Tensor& bias);

}  // namespace espalier::ops
