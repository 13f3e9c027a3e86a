#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// a / b element by element, broadcasting: plain tensors by NumPy's rules, lanes with lanes of the same rank,
// batch and type whose other sizes agree or are 1, lanes with a plain f32 tensor that repeats over the batch.
Tensor div(const Tensor& a, const Tensor& b);

}  // namespace espalier::ops
