#include "framework/ops/add.h"

#include "framework/autograd/node.h"
#include "framework/ops/broadcast.h"

namespace espalier::ops {

Tensor add(const Tensor& a, const Tensor& b) {
  Tensor y = binary(kernels::BinaryOp::add, a, b, "add");
  // Nothing is saved: the output's gradient is each operand's, summed over what was repeated.
  return record(
      "add", {a, b}, y,
      [shape_a = a.shape(), layout_a = a.layout(), shape_b = b.shape(), layout_b = b.layout()](Backward& g) {
        if (g.needs(0)) g.give(0, reduce_to(g.grad(), shape_a, layout_a));
        if (g.needs(1)) g.give(1, reduce_to(g.grad(), shape_b, layout_b));
      });
}

}  // namespace espalier::ops
