#include "framework/ops/reshape.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/relayout.h"

namespace espalier::ops {

Tensor reshape(const Tensor& x, Shape shape) {
  constexpr const char* op = "reshape";
  int open = -1;
  std::int64_t others = 1;
  for (int d = 0; d < shape.rank(); ++d) {
    if (shape[d] != -1) {
      check(shape[d] >= 0, op, "shape expects sizes of 0 or more and at most one -1, got {}", shape.str());
      others *= shape[d];
      continue;
    }
    check(open < 0, op, "shape expects at most one -1, got {}", shape.str());
    open = d;
  }
  if (open >= 0) {
    check(others > 0 && x.numel() % others == 0, op, "{} does not divide into {}", x.shape().str(),
          shape.str());
    shape = shape.with(open, x.numel() / others);
  }
  check(shape.numel() == x.numel(), op, "shape expects {} elements, got {}", x.numel(), shape.str());
  check(!x.is_lanes() || (shape.rank() > 0 && shape[0] == x.dim(0)), op,
        "an activation keeps its batch as dimension 0: {} does not go into {}", x.shape().str(), shape.str());
  return record(op, {x}, relayout(x, shape),
                [before = x.shape()](Backward& b) { b.give(0, relayout(b.grad(), before)); });
}

}  // namespace espalier::ops
