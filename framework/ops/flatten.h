#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// [N, ...] -> [N, F]: a view, but for planes of an even number of pixels, whose padding goes.
Tensor flatten(const Tensor& x);

}  // namespace espalier::ops
