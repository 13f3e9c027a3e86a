#pragma once

#include <cstdint>
#include <vector>

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// The same elements in row-major order under another shape, one of whose sizes may be -1: whatever is left.
// A view where the layout allows; a copy of lanes where padding between planes comes or goes. Lanes keep
// their batch as dimension 0.
Tensor reshape(const Tensor& x, const std::vector<std::int64_t>& sizes);

}  // namespace espalier::ops
