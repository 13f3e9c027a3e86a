#include "framework/ops/sqrt.h"

#include "framework/autograd/node.h"
#include "framework/tensor/lanes.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

Tensor sqrt(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  kernels::eltwise().sqrt_fwd(x.data(), y.data(), x.storage_elements());
  clear_padding_lanes(y);
  // d sqrt(x) / dx = 1 / (2 sqrt(x)): the output is kept, not the input.
  return record("sqrt", {x}, y, [y = y.detach()](Backward& b) {
    Tensor dx = b.grad_memory();
    kernels::eltwise().sqrt_bwd(y.data(), b.grad().data(), dx.data(), y.storage_elements());
    clear_padding_lanes(dx);  // 0 / 0 there
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
