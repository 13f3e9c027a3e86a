#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// The square root of each element, of any shape and layout; NaN below 0. The gradient at 0 is infinite.
Tensor sqrt(const Tensor& x);

}  // namespace espalier::ops
