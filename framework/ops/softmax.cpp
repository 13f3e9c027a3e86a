#include "framework/ops/softmax.h"

#include "framework/autograd/node.h"
#include "framework/ops/checks.h"
#include "framework/ops/last_dimension.h"
#include "framework/ops/to_dtype.h"
#include "kernels/softmax/softmax.h"

namespace espalier::ops {

Tensor softmax(const Tensor& x) {
  // The kernels are of f32.
  if (is_activation(x) && x.dtype() == DType::bf16)
    return to_dtype(softmax(to_dtype(x, DType::f32)), DType::bf16);
  const Tensor y = map_rows(x, "softmax", kernels::softmax().softmax_fwd);
  // dx = y * (dy - sum dy * y): the output is kept, not the input.
  return record("softmax", {x}, y, [y = y.detach()](Backward& b) {
    b.give(0, map_rows_gradient(y, b.grad(), kernels::softmax().softmax_bwd));
  });
}

}  // namespace espalier::ops
