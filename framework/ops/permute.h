#pragma once

#include <vector>

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// Dimension d of the result is dimension order[d] of x; a copy. Lanes keep their batch as dimension 0.
Tensor permute(const Tensor& x, const std::vector<int>& order);

}  // namespace espalier::ops
