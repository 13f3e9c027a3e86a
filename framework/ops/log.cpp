#include "framework/ops/log.h"

#include "framework/autograd/node.h"
#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

Tensor log(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::eltwise<T>().log_fwd(x.data<T>(), y.data<T>(), x.storage_elements());
  });
  clear_padding_lanes(y);  // where x may be 0
  // d ln x / dx = 1 / x
  return record("log", {x}, y, [x = x.detach()](Backward& b) {
    Tensor dx = b.grad_memory();
    with_element(dx.dtype(), [&](auto element) {
      using T = decltype(element);
      kernels::eltwise<T>().log_bwd(x.data<T>(), b.grad().data<T>(), dx.data<T>(), dx.storage_elements());
    });
    clear_padding_lanes(dx);
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
