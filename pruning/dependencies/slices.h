// Slices of row-major tensors across one dimension.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/tensor/tensor.h"

namespace espalier::pruning {

// visit(offset) for every element whose index along `dimension` is `position`.
template <class Visit>
void for_each_in_slice(const Shape& shape, int dimension, std::int64_t position, const Visit& visit) {
  std::int64_t outer = 1, inner = 1;
  for (int d = 0; d < dimension; ++d) outer *= shape[d];
  for (int d = dimension + 1; d < shape.rank(); ++d) inner *= shape[d];
  for (std::int64_t o = 0; o < outer; ++o) {
    const std::int64_t first = (o * shape[dimension] + position) * inner;
    for (std::int64_t i = 0; i < inner; ++i) visit(first + i);
  }
}

// The slices at `positions`, in their order: a plain tensor of f32 or u8 that is as long along `dimension`.
Tensor select_slices(const Tensor& tensor, int dimension, const std::vector<std::int64_t>& positions);

}  // namespace espalier::pruning
