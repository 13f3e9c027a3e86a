#pragma once

#include "framework/ops/pool2d.h"

namespace espalier::ops {

// The largest value of each window: lanes [N, C, H, W] -> lanes [N, C, OH, OW],
// OH = (H + 2 padding - kernel) / stride + 1, OW likewise. Padding never wins; NaN always does.
// Gradient: goes to the winner, the first of equals.
Tensor max_pool2d(const Tensor& x, const Pool2dOptions& options = {});

}  // namespace espalier::ops
