#include "framework/ops/sqrt.h"

#include "framework/autograd/node.h"
#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

Tensor sqrt(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::eltwise<T>().sqrt_fwd(x.data<T>(), y.data<T>(), x.storage_elements());
  });
  clear_padding_lanes(y);
  // d sqrt(x) / dx = 1 / (2 sqrt(x)): the output is kept, not the input.
  return record("sqrt", {x}, y, [y = y.detach()](Backward& b) {
    Tensor dx = b.grad_memory();
    with_element(dx.dtype(), [&](auto element) {
      using T = decltype(element);
      kernels::eltwise<T>().sqrt_bwd(y.data<T>(), b.grad().data<T>(), dx.data<T>(), dx.storage_elements());
    });
    clear_padding_lanes(dx);  // 0 / 0 there
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
