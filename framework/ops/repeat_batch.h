#pragma once

#include <cstdint>

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// A parameter as an activation that is the same for each of n images: plain [1, ...] -> lanes [n, ...] of
// f32, or rounded to bf16. Its gradient is summed over the images.
Tensor repeat_batch(const Tensor& x, std::int64_t n, DType dtype = DType::f32);

}  // namespace espalier::ops
