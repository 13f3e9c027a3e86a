#include "pruning/dependencies/slices.h"

#include <cstring>

namespace espalier::pruning {

Tensor select_slices(const Tensor& tensor, int dimension, const std::vector<std::int64_t>& positions) {
  const Shape& shape = tensor.shape();
  const auto kept = static_cast<std::int64_t>(positions.size());
  Tensor selected = Tensor::empty(shape.with(dimension, kept), Layout::plain, tensor.dtype());
  std::int64_t outer = 1, inner_bytes = static_cast<std::int64_t>(size_bytes(tensor.dtype()));
  for (int d = 0; d < dimension; ++d) outer *= shape[d];
  for (int d = dimension + 1; d < shape.rank(); ++d) inner_bytes *= shape[d];
  const auto* from = static_cast<const std::uint8_t*>(tensor.bytes());
  auto* to = static_cast<std::uint8_t*>(selected.bytes());
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const std::int64_t position : positions) {
      std::memcpy(to, from + (o * shape[dimension] + position) * inner_bytes,
                  static_cast<std::size_t>(inner_bytes));
      to += inner_bytes;
    }
  }
  return selected;
}

}  // namespace espalier::pruning
