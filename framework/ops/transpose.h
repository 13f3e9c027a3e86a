#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// x with two dimensions exchanged; a copy. Lanes keep their batch as dimension 0.
Tensor transpose(const Tensor& x, int dimension_a, int dimension_b);

}  // namespace espalier::ops
