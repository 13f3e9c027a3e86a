#pragma once

#include <vector>

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// The mean of all elements: a scalar.
Tensor mean(const Tensor& x);

// The mean over some dimensions, which go, or stay with size 1 (keepdim). Lanes averaged over their batch
// become plain.
Tensor mean(const Tensor& x, const std::vector<int>& dimensions, bool keepdim = false);

}  // namespace espalier::ops
