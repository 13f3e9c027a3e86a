#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// e^x / sum e^x over the last dimension; lanes of rank 2 to 4. Safe for any finite x.
Tensor softmax(const Tensor& x);

}  // namespace espalier::ops
