// Where a token stands, as fixed vectors to add to it. Both have wavelengths in a geometric progression from
// 2 pi to 10000 * 2 pi (Vaswani et al., arXiv:1706.03762).
#pragma once

#include <cstdint>

#include "framework/tensor/tensor.h"

namespace espalier::nn {

// Plain [1, tokens, dim]: sin(t / 10000^(2i / dim)) at feature 2i of token t, cos of the same at 2i + 1, as
// in the compact transformers' code.
Tensor sine_positions(std::int64_t tokens, std::int64_t dim);

// Plain [1, rows * columns, dim], tokens row by row: of each quarter of dim, i = 0 .. dim/4 - 1, the features
// sin(column / 10000^(4i / dim)), cos of the same, and both again for the row (He et al., "Masked
// autoencoders", arXiv:2111.06377, whose code this follows). Throws Error unless 4 divides dim.
Tensor sine_positions_2d(std::int64_t rows, std::int64_t columns, std::int64_t dim);

}  // namespace espalier::nn
