#include "framework/ops/scale.h"

#include "framework/autograd/node.h"
#include "framework/ops/checks.h"
#include "framework/tensor/element.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::ops {
namespace {

void multiply(const Tensor& x, float factor, Tensor& y) {
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::eltwise<T>().affine(x.data<T>(), factor, 0.0f, y.data<T>(), x.storage_elements());
  });
}

}  // namespace

Tensor scale(const Tensor& x, float factor) {
  check_operand(x, "scale");
  Tensor y = Tensor::empty_like(x);
  multiply(x, factor, y);
  return record("scale", {x}, y, [factor](Backward& b) {
    Tensor dx = b.grad_memory();
    multiply(b.grad(), factor, dx);
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
