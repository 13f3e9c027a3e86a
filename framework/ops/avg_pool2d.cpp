#include "framework/ops/avg_pool2d.h"

#include "framework/autograd/node.h"

namespace espalier::ops {

Tensor avg_pool2d(const Tensor& x, const Pool2dOptions& options) {
  const kernels::PoolShape s = checked_pool_shape(x, options, "avg_pool2d");
  Tensor y = Tensor::empty({s.N, s.C, s.OH(), s.OW()}, Layout::lanes);
  kernels::pool().average_fwd(s, x.data(), y.data());
  // A linear map: nothing is saved.
  const BackwardFunction backward = [s](Backward& b) {
    Tensor dx = Tensor::empty({s.N, s.C, s.IH, s.IW}, Layout::lanes);
    kernels::pool().average_bwd(s, b.grad().data(), dx.data());
    b.give(0, std::move(dx));
  };
  return record("avg_pool2d", {x}, y, backward, {{"kernel", s.KH}, {"stride", s.SH}, {"padding", s.PH}});
}

}  // namespace espalier::ops
