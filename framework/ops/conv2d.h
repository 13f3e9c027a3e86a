#pragma once

#include "framework/ops/sparse_passes.h"
#include "framework/tensor/tensor.h"

namespace espalier::ops {

struct Conv2dOptions {
  int stride_h = 1, stride_w = 1;
  int padding_h = 0, padding_w = 0;  // rows and columns of zeros on either side
  int groups = 1;
};

// 2-D convolution (cross-correlation, as PyTorch's conv2d):
//
//   y[n, oc, oh, ow] = bias[oc] + sum over ic, kh, kw of
//       weight[oc, ic, kh, kw] * x[n, group(oc) * IC/groups + ic, oh*stride_h - padding_h + kh, ...]
//
//   x       lanes [N, IC, H, W]
//   weight  plain [OC, IC/groups, KH, KW]
//   bias    plain [OC], or undefined: none
//   sparse  of weights that are 0 outside the pattern: the result is the same, but for the order of sums
//   result  lanes [N, OC, OH, OW],  OH = (H + 2 padding_h - KH) / stride_h + 1, OW likewise
//
// Gradients of x, weight and bias; with sparse.backward_weights, the weight's is 0 outside the pattern.
// Throws Error when shapes or options do not fit.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const Conv2dOptions& options = {}, const SparsePasses& sparse = {});

// What conv2d hands to the kernels. Throws Error as it does.
kernels::Conv2dShape conv2d_shape(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                  const Conv2dOptions& options);

}  // namespace espalier::ops
