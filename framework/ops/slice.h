#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// The elements begin .. end-1 of a dimension; a copy. Lanes are not cut along their batch.
// Gradient: zero outside the slice.
Tensor slice(const Tensor& x, int dimension, std::int64_t begin, std::int64_t end);

}  // namespace espalier::ops
