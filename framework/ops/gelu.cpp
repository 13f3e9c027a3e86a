#include "framework/ops/gelu.h"

#include "framework/autograd/node.h"
#include "framework/tensor/element.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

Tensor gelu(const Tensor& x, Gelu formula) {
  Tensor y = Tensor::empty_like(x);
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    const kernels::EltwiseKernels<T>& k = kernels::eltwise<T>();
    const auto forward = formula == Gelu::erf ? k.gelu_fwd : k.gelu_tanh_fwd;
    forward(x.data<T>(), y.data<T>(), x.storage_elements());
  });
  // Not monotonic: only the input tells the slope.
  return record("gelu", {x}, y, [x = x.detach(), formula](Backward& b) {
    Tensor dx = b.grad_memory();
    with_element(x.dtype(), [&](auto element) {
      using T = decltype(element);
      const kernels::EltwiseKernels<T>& k = kernels::eltwise<T>();
      const auto backward = formula == Gelu::erf ? k.gelu_bwd : k.gelu_tanh_bwd;
      backward(x.data<T>(), b.grad().data<T>(), dx.data<T>(), x.storage_elements());
    });
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
