#include "framework/ops/sub.h"

#include "framework/autograd/node.h"
#include "framework/ops/broadcast.h"
#include "framework/tensor/element.h"

namespace espalier::ops {

Tensor sub(const Tensor& a, const Tensor& b) {
  Tensor y = binary(kernels::BinaryOp::sub, a, b, "sub");
  // Nothing is saved: da = dy and db = -dy, summed over what was repeated.
  return record(
      "sub", {a, b}, y,
      [shape_a = a.shape(), layout_a = a.layout(), shape_b = b.shape(), layout_b = b.layout()](Backward& g) {
        if (g.needs(0)) g.give(0, reduce_to(g.grad(), shape_a, layout_a));
        if (g.needs(1)) {
          const Tensor sums = reduce_to(g.grad(), shape_b, layout_b);
          Tensor db = Tensor::empty_like(sums);
          with_element(db.dtype(), [&](auto element) {
            using T = decltype(element);
            kernels::eltwise<T>().affine(sums.data<T>(), -1.0f, 0.0f, db.data<T>(), db.storage_elements());
          });
          g.give(1, std::move(db));
        }
      });
}

}  // namespace espalier::ops
