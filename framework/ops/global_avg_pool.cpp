#include "framework/ops/global_avg_pool.h"

#include "framework/autograd/node.h"
#include "framework/ops/checks.h"
#include "framework/tensor/lanes.h"
#include "kernels/pool/pool.h"

namespace espalier::ops {

Tensor global_avg_pool(const Tensor& x) {
  check_activation(x, 4, "global_avg_pool", "x", "[N, C, H, W]");
  Tensor y = Tensor::empty({x.dim(0), x.dim(1)}, Layout::lanes);
  kernels::pool().global_average_fwd(lane_shape(x.shape()), x.data(), y.data());
  // A linear map: nothing is saved.
  return record("global_avg_pool", {x}, y, [shape = x.shape()](Backward& b) {
    Tensor dx = Tensor::empty(shape, Layout::lanes);
    kernels::pool().global_average_bwd(lane_shape(shape), b.grad().data(), dx.data());
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
