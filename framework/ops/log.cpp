#include "framework/ops/log.h"

#include "framework/autograd/node.h"
#include "framework/tensor/lanes.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

Tensor log(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  kernels::eltwise().log_fwd(x.data(), y.data(), x.storage_elements());
  clear_padding_lanes(y);  // where x may be 0
  // d ln x / dx = 1 / x
  return record("log", {x}, y, [x = x.detach()](Backward& b) {
    Tensor dx = b.grad_memory();
    kernels::eltwise().log_bwd(x.data(), b.grad().data(), dx.data(), x.storage_elements());
    clear_padding_lanes(dx);
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
