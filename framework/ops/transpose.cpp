#include "framework/ops/transpose.h"

#include <numeric>
#include <utility>

#include "framework/ops/permute.h"

namespace espalier::ops {

Tensor transpose(const Tensor& x, int dimension_a, int dimension_b) {
  std::vector<int> order(static_cast<std::size_t>(x.rank()));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<std::size_t>(x.shape().wrap(dimension_a))],
            order[static_cast<std::size_t>(x.shape().wrap(dimension_b))]);
  return permute(x, order);
}

}  // namespace espalier::ops
