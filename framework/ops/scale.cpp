#include "framework/ops/scale.h"

#include "framework/autograd/node.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

Tensor scale(const Tensor& x, float factor) {
  Tensor y = Tensor::empty_like(x);
  kernels::eltwise().affine(x.data(), factor, 0.0f, y.data(), x.storage_elements());
  return record("scale", {x}, y, [factor](Backward& b) {
    Tensor dx = b.grad_memory();
    kernels::eltwise().affine(b.grad().data(), factor, 0.0f, dx.data(), dx.storage_elements());
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
