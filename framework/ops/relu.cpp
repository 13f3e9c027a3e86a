#include "framework/ops/relu.h"

#include "framework/autograd/node.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

Tensor relu(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  kernels::eltwise().relu_fwd(x.data(), y.data(), x.storage_elements());
  // The output tells where x > 0, so the input need not be kept.
  return record("relu", {x}, y, [y = y.detach()](Backward& b) {
    Tensor dx = b.grad_memory();
    kernels::eltwise().relu_bwd(y.data(), b.grad().data(), dx.data(), y.storage_elements());
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
