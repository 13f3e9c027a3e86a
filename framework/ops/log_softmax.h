#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// x - log sum e^x over the last dimension; lanes of rank 2 to 4. Safe for any finite x.
Tensor log_softmax(const Tensor& x);

}  // namespace espalier::ops
