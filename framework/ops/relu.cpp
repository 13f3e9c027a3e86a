#include "framework/ops/relu.h"

#include "framework/autograd/node.h"
#include "framework/tensor/element.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

Tensor relu(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::eltwise<T>().relu_fwd(x.data<T>(), y.data<T>(), x.storage_elements());
  });
  // The output tells where x > 0, so the input need not be kept.
  return record("relu", {x}, y, [y = y.detach()](Backward& b) {
    Tensor dx = b.grad_memory();
    with_element(dx.dtype(), [&](auto element) {
      using T = decltype(element);
      kernels::eltwise<T>().relu_bwd(y.data<T>(), b.grad().data<T>(), dx.data<T>(), dx.storage_elements());
    });
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
