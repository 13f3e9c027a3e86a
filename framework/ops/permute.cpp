#include "framework/ops/permute.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/ops/strided.h"

namespace espalier::ops {
namespace {

using Order = std::array<int, Shape::kMaxRank>;

// order[d] wrapped to 0 .. rank-1, each once.
Order checked_order(const Tensor& x, const std::vector<int>& order) {
  constexpr const char* op = "permute";
  check(static_cast<int>(order.size()) == x.rank(), op, "order expects {} dimensions for {}, got [{}]",
        x.rank(), describe(x), fmt::join(order, ", "));
  Order result{};
  std::array<bool, Shape::kMaxRank> used{};
  for (std::size_t d = 0; d < order.size(); ++d) {
    result[d] = x.shape().wrap(order[d]);
    bool& seen = used[static_cast<std::size_t>(result[d])];
    check(!seen, op, "order expects each dimension once, got [{}]", fmt::join(order, ", "));
    seen = true;
  }
  check(!x.is_lanes() || result[0] == 0, op, "an activation keeps its batch as dimension 0, got [{}]",
        fmt::join(order, ", "));
  return result;
}

Tensor permuted(const Tensor& x, const Order& order) {
  Shape shape = x.shape();
  const Strided from = strided(x.shape(), x.layout());
  Move move;
  for (int d = 0; d < x.rank(); ++d) {
    const auto i = static_cast<std::size_t>(d), source = static_cast<std::size_t>(order[i]);
    shape = shape.with(d, x.dim(order[i]));
    move.size[i] = from.size[source];
    move.src_stride[i] = from.stride[source];
  }
  Tensor y = Tensor::empty(shape, x.layout(), x.dtype());
  move.dst_stride = strided(shape, x.layout()).stride;
  move_elements(move, x.rank(), x, y);
  return y;
}

}  // namespace

Tensor permute(const Tensor& x, const std::vector<int>& dimensions) {
  const Order order = checked_order(x, dimensions);
  Order inverse{};
  for (int d = 0; d < x.rank(); ++d)
    inverse[static_cast<std::size_t>(order[static_cast<std::size_t>(d)])] = d;
  return record("permute", {x}, permuted(x, order),
                [inverse](Backward& b) { b.give(0, permuted(b.grad(), inverse)); });
}

}  // namespace espalier::ops
