#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// x + term, of any shape and layout.
Tensor add_scalar(const Tensor& x, float term);

}  // namespace espalier::ops
