#include "framework/ops/gelu.h"

#include "framework/autograd/node.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

Tensor gelu(const Tensor& x, Gelu formula) {
  const kernels::EltwiseKernels& k = kernels::eltwise();
  const auto forward = formula == Gelu::erf ? k.gelu_fwd : k.gelu_tanh_fwd;
  const auto backward = formula == Gelu::erf ? k.gelu_bwd : k.gelu_tanh_bwd;
  Tensor y = Tensor::empty_like(x);
  forward(x.data(), y.data(), x.storage_elements());
  // Not monotonic: only the input tells the slope.
  return record("gelu", {x}, y, [x = x.detach(), backward](Backward& b) {
    Tensor dx = b.grad_memory();
    backward(x.data(), b.grad().data(), dx.data(), x.storage_elements());
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
