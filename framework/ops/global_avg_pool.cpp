#include "framework/ops/global_avg_pool.h"

#include "framework/autograd/node.h"
#include "framework/ops/checks.h"
#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"
#include "kernels/pool/pool.h"

namespace espalier::ops {

Tensor global_avg_pool(const Tensor& x) {
  check_activation(x, 4, "global_avg_pool", "x", "[N, C, H, W]");
  Tensor y = Tensor::empty({x.dim(0), x.dim(1)}, Layout::lanes, x.dtype());
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::pool<T>().global_average_fwd(lane_shape(x.shape()), x.data<T>(), y.data<T>());
  });
  // A linear map: nothing is saved.
  return record("global_avg_pool", {x}, y, [shape = x.shape()](Backward& b) {
    Tensor dx = Tensor::empty(shape, Layout::lanes, b.grad().dtype());
    with_element(dx.dtype(), [&](auto element) {
      using T = decltype(element);
      kernels::pool<T>().global_average_bwd(lane_shape(shape), b.grad().data<T>(), dx.data<T>());
    });
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
