#pragma once

#include <cstdint>

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// A parameter as an activation that is the same for each of n images: plain [1, ...] -> lanes [n, ...]. Its
// gradient is summed over the images.
Tensor repeat_batch(const Tensor& x, std::int64_t n);

}  // namespace espalier::ops
