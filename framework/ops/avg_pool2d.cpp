#include "framework/ops/avg_pool2d.h"

#include "framework/autograd/node.h"
#include "framework/tensor/element.h"

namespace espalier::ops {

Tensor avg_pool2d(const Tensor& x, const Pool2dOptions& options) {
  const kernels::PoolShape s = checked_pool_shape(x, options, "avg_pool2d");
  Tensor y = Tensor::empty({s.N, s.C, s.OH(), s.OW()}, Layout::lanes, x.dtype());
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::pool<T>().average_fwd(s, x.data<T>(), y.data<T>());
  });
  // A linear map: nothing is saved.
  const BackwardFunction backward = [s](Backward& b) {
    Tensor dx = Tensor::empty({s.N, s.C, s.IH, s.IW}, Layout::lanes, b.grad().dtype());
    with_element(dx.dtype(), [&](auto element) {
      using T = decltype(element);
      kernels::pool<T>().average_bwd(s, b.grad().data<T>(), dx.data<T>());
    });
    b.give(0, std::move(dx));
  };
  return record("avg_pool2d", {x}, y, backward, {{"kernel", s.KH}, {"stride", s.SH}, {"padding", s.PH}});
}

}  // namespace espalier::ops
