#pragma once

#include <cstdint>

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// Zeroes each element with probability p and divides the others by 1 - p, in training; else x itself. Of any
// shape and layout. Which elements are dropped is a function of (seed, stream) alone, and stream must differ
// between the layers and steps that are to drop independently (Srivastava et al., JMLR 2014).
// Throws Error unless 0 <= p < 1.
Tensor dropout(const Tensor& x, float p, bool training, std::uint64_t seed, std::uint64_t stream);

}  // namespace espalier::ops
