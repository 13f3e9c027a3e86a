#include "framework/ops/exp.h"

#include "framework/autograd/node.h"
#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

Tensor exp(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::eltwise<T>().exp_fwd(x.data<T>(), y.data<T>(), x.storage_elements());
  });
  clear_padding_lanes(y);  // e^x may overflow there
  // d e^x / dx = e^x: the output is kept, not the input.
  return record("exp", {x}, y, [y = y.detach()](Backward& b) {
    Tensor dx = b.grad_memory();
    with_element(dx.dtype(), [&](auto element) {
      using T = decltype(element);
      kernels::eltwise<T>().exp_bwd(y.data<T>(), b.grad().data<T>(), dx.data<T>(), dx.storage_elements());
    });
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
