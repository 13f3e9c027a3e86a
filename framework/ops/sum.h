#pragma once

#include <vector>

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// The sum of all elements: an f32 scalar, 0 where there are none.
Tensor sum(const Tensor& x);

// The sum over some dimensions, which go, or stay with size 1 (keepdim). Lanes summed over their batch become
// plain f32.
Tensor sum(const Tensor& x, const std::vector<int>& dimensions, bool keepdim = false);

}  // namespace espalier::ops
