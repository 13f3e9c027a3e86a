#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// Fully connected layer:  y[.., oc] = bias[oc] + sum over ic of weight[oc, ic] * x[.., ic]
//
//   x       lanes [N, IC] or, a layer for each token, [N, T, IC]
//   weight  plain [OC, IC]
//   bias    plain [OC], or undefined: none
//   result  lanes [N, OC] or [N, T, OC]
//
// Gradients of x, weight and bias. Throws Error when shapes do not fit.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace espalier::ops
