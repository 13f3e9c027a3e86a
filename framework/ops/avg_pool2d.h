#pragma once

#include "framework/ops/pool2d.h"

namespace espalier::ops {

// The mean of each window: lanes [N, C, H, W] -> lanes [N, C, OH, OW],
// OH = (H + 2 padding - kernel) / stride + 1, OW likewise. Padding counts as zeros, as PyTorch's default
// does.
Tensor avg_pool2d(const Tensor& x, const Pool2dOptions& options = {});

}  // namespace espalier::ops
