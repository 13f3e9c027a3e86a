#include "framework/ops/add_scalar.h"

#include "framework/autograd/node.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

Tensor add_scalar(const Tensor& x, float term) {
  Tensor y = Tensor::empty_like(x);
  kernels::eltwise().affine(x.data(), 1.0f, term, y.data(), x.storage_elements());
  return record("add_scalar", {x}, y, [](Backward& b) { b.give(0, b.grad()); });
}

}  // namespace espalier::ops
