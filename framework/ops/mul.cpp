#include "framework/ops/mul.h"

#include "framework/autograd/node.h"
#include "framework/ops/broadcast.h"

namespace espalier::ops {

Tensor mul(const Tensor& a, const Tensor& b) {
  constexpr kernels::BinaryOp product = kernels::BinaryOp::mul;
  Tensor y = binary(product, a, b, "mul");
  // da = dy * b and db = dy * a, summed over what was repeated: each operand is saved for the other's
  // gradient.
  Tensor saved_a = b.requires_grad() ? a.detach() : Tensor();
  Tensor saved_b = a.requires_grad() ? b.detach() : Tensor();
  return record("mul", {a, b}, y,
                [=, shape_a = a.shape(), layout_a = a.layout(), shape_b = b.shape(),
                 layout_b = b.layout()](Backward& g) {
                  if (g.needs(0)) {
                    g.give(0, reduce_to(binary(product, g.grad(), saved_b, "mul"), shape_a, layout_a));
                  }
                  if (g.needs(1)) {
                    g.give(1, reduce_to(binary(product, g.grad(), saved_a, "mul"), shape_b, layout_b));
                  }
                });
}

}  // namespace espalier::ops
