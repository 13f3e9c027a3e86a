#pragma once

#include <cstdint>

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// Zeroes each image of x whole with probability p and divides the others by 1 - p, in training; else x
// itself. On a residual branch: the layer is left out for that image (Huang et al., "Deep networks with
// stochastic depth", arXiv:1603.09382). x in lanes, of any shape. Which images are dropped is a function of
// (seed, stream) alone. Throws Error unless 0 <= p < 1.
Tensor stochastic_depth(const Tensor& x, float p, bool training, std::uint64_t seed, std::uint64_t stream);

}  // namespace espalier::ops
