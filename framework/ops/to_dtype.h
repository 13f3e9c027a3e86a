#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// The same activation with elements of f32, or rounded to the nearest bf16; x itself where it has that type
// already. Gradient: the result's, converted to the type of x.
//
//   x   lanes of f32 or bf16; parameters stay f32, which every operation reads beside bf16
Tensor to_dtype(const Tensor& x, DType dtype);

}  // namespace espalier::ops
