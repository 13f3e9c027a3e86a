#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// The natural logarithm of each element, of any shape and layout; -inf at 0, NaN below.
Tensor log(const Tensor& x);

}  // namespace espalier::ops
