#include "framework/ops/add_scalar.h"

#include "framework/autograd/node.h"
#include "framework/ops/checks.h"
#include "framework/tensor/element.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {

Tensor add_scalar(const Tensor& x, float term) {
  check_operand(x, "add_scalar");
  Tensor y = Tensor::empty_like(x);
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::eltwise<T>().affine(x.data<T>(), 1.0f, term, y.data<T>(), x.storage_elements());
  });
  return record("add_scalar", {x}, y, [](Backward& b) { b.give(0, b.grad()); });
}

}  // namespace espalier::ops
