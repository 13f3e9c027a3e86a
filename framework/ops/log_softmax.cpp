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
  const LastDimension rows = last_dimension(x, "log_softmax");
  Tensor y = Tensor::empty_like(x);
  rows.for_each_block([&](const kernels::LaneShape& shape, std::int64_t at) {
    kernels::softmax().log_softmax_fwd(shape, x.data() + at, y.data() + at);
  });
  // dx = dy - e^y * sum dy: the output is kept, not the input.
  return record("log_softmax", {x}, y, [rows, y = y.detach()](Backward& b) {
    Tensor dx = Tensor::empty_like(y);
    rows.for_each_block([&](const kernels::LaneShape& shape, std::int64_t at) {
      kernels::softmax().log_softmax_bwd(shape, y.data() + at, b.grad().data() + at, dx.data() + at);
    });
    b.give(0, std::move(dx));
  });
}

}  // namespace espalier::ops
