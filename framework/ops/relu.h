#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// max(x, 0), of any shape and layout. Gradient: passes where x > 0, zero elsewhere (at 0 too).
Tensor relu(const Tensor& x);

}  // namespace espalier::ops
