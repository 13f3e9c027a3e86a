#include "framework/ops/div.h"

#include "framework/autograd/node.h"
#include "framework/ops/broadcast.h"
#include "framework/tensor/element.h"

namespace espalier::ops {

Tensor div(const Tensor& a, const Tensor& b) {
  Tensor y = binary(kernels::BinaryOp::div, a, b, "div");
  // da = dy / b and db = -(dy / b) * y, summed over what was repeated: the quotient is kept, not the
  // dividend.
  Tensor saved_y = b.requires_grad() ? y.detach() : Tensor();
  return record(
      "div", {a, b}, y, [=, b = b.detach(), shape_a = a.shape(), layout_a = a.layout()](Backward& g) {
        const Tensor da = binary(kernels::BinaryOp::div, g.grad(), b, "div");
        if (g.needs(1)) {
          Tensor db = binary(kernels::BinaryOp::mul, da, saved_y, "div");
          with_element(db.dtype(), [&](auto element) {
            using T = decltype(element);
            kernels::eltwise<T>().affine(db.data<T>(), -1.0f, 0.0f, db.data<T>(), db.storage_elements());
          });
          g.give(1, reduce_to(db, b.shape(), b.layout()));
        }
        if (g.needs(0)) g.give(0, reduce_to(da, shape_a, layout_a));
      });
}

}  // namespace espalier::ops
