#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// The matrix product a b:
//
//   plain [M, K]       x plain [K, J]        -> plain [M, J]
//   lanes [N, M, K]    x lanes [N, K, J]     -> lanes [N, M, J]       image by image
//   lanes [N, B, M, K] x lanes [N, B, K, J]  -> lanes [N, B, M, J]    image by image and head by head
//
// Gradients of both. For activations times a plain matrix there is ops::linear.
Tensor matmul(const Tensor& a, const Tensor& b);

}  // namespace espalier::ops
