#include "framework/ops/sum.h"

#include "framework/autograd/node.h"
#include "framework/ops/broadcast.h"
#include "framework/ops/checks.h"
#include "framework/ops/relayout.h"
#include "framework/ops/sum_dimensions.h"
#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"
#include "kernels/reduce/reduce.h"

namespace espalier::ops {

Tensor sum(const Tensor& x) {
  check_operand(x, "sum");
  const double total = with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    return x.is_lanes() ? kernels::reduce<T>().lanes_sum(lane_shape(x.shape()), x.data<T>())
                        : kernels::reduce<T>().sum(x.data<T>(), x.numel());
  });
  return record("sum", {x}, Tensor::scalar(static_cast<float>(total)),
                [shape = x.shape(), layout = x.layout(), dtype = x.dtype()](Backward& b) {
                  Tensor dx = Tensor::full(shape, b.grad().item(), layout, dtype);
                  clear_padding_lanes(dx);
                  b.give(0, std::move(dx));
                });
}

Tensor sum(const Tensor& x, const std::vector<int>& dimensions, bool keepdim) {
  check_operand(x, "sum");
  DimensionSet set;
  for (int d : dimensions) set.set(static_cast<std::size_t>(x.shape().wrap(d)));
  const Tensor sums = sum_dimensions(x, set);
  Shape shape;
  for (int d = 0; d < x.rank(); ++d) {
    if (keepdim || !set[static_cast<std::size_t>(d)]) shape.append(sums.dim(d));
  }
  const BackwardFunction backward = [kept = sums.shape(), shape = x.shape(), layout = x.layout(),
                                     dtype = x.dtype()](Backward& b) {
    Tensor dx = expand(relayout(b.grad(), kept), shape, layout, dtype);
    clear_padding_lanes(dx);  // a sum over the batch is repeated over the whole last vector
    b.give(0, std::move(dx));
  };
  return record("sum", {x}, relayout(sums, shape), backward,
                {{"dimensions", static_cast<std::int64_t>(set.to_ulong())}});
}

}  // namespace espalier::ops
