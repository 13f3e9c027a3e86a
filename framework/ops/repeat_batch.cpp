#include "framework/ops/repeat_batch.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/broadcast.h"
#include "framework/ops/checks.h"

namespace espalier::ops {

Tensor repeat_batch(const Tensor& x, std::int64_t n, DType dtype) {
  constexpr const char* op = "repeat_batch";
  const bool fits = x.defined() && !x.is_lanes() && x.dtype() == DType::f32 && x.rank() > 0 && x.dim(0) == 1;
  check(fits, op, "x expects a plain tensor whose dimension 0 is 1, got {}", describe(x));
  check(n > 0, op, "n expects 1 image or more, got {}", n);
  return record(op, {x}, expand(x, x.shape().with(0, n), Layout::lanes, dtype),
                [shape = x.shape()](Backward& b) { b.give(0, reduce_to(b.grad(), shape, Layout::plain)); });
}

}  // namespace espalier::ops
