#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// The mean of each plane: lanes [N, C, H, W] -> lanes [N, C].
Tensor global_avg_pool(const Tensor& x);

}  // namespace espalier::ops
