#include "framework/ops/log_softmax.h"

#include "framework/autograd/node.h"
#include "framework/ops/checks.h"
#include "framework/ops/last_dimension.h"
#include "framework/ops/to_dtype.h"
#include "kernels/softmax/softmax.h"

namespace espalier::ops {

Tensor log_softmax(const Tensor& x) {
  // The kernels are of f32.
  if (is_activation(x) && x.dtype() == DType::bf16)
    return to_dtype(log_softmax(to_dtype(x, DType::f32)), DType::bf16);
  const Tensor y = map_rows(x, "log_softmax", kernels::softmax().log_softmax_fwd);
  // dx = dy - e^y * sum dy: the output is kept, not the input.
  return record("log_softmax", {x}, y, [y = y.detach()](Backward& b) {
    b.give(0, map_rows_gradient(y, b.grad(), kernels::softmax().log_softmax_bwd));
  });
}

}  // namespace espalier::ops
