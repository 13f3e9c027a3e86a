#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// e^x of each element, of any shape and layout.
Tensor exp(const Tensor& x);

}  // namespace espalier::ops
