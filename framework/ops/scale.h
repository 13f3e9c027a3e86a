#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// factor * x, of any shape and layout.
Tensor scale(const Tensor& x, float factor);

}  // namespace espalier::ops
