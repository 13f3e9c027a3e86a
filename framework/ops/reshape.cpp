#include "framework/ops/reshape.h"

#include <string>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/relayout.h"

namespace espalier::ops {

namespace {

Shape checked_shape(const Tensor& x, std::vector<std::int64_t> sizes) {
  constexpr const char* op = "reshape";
  const std::string text = fmt::format("[{}]", fmt::join(sizes, ", "));
  std::int64_t* open = nullptr;  // the size that is -1
  std::int64_t others = 1;
  for (std::int64_t& size : sizes) {
    check(size >= -1 && (size >= 0 || open == nullptr), op,
          "expected sizes of 0 or more and at most one -1, got {}", text);
    if (size < 0) {
      open = &size;
    } else {
      others *= size;
    }
  }
  if (open != nullptr) {
    check(others > 0 && x.numel() % others == 0, op, "the {} elements of {} do not divide into {}", x.numel(),
          x.shape().str(), text);
    *open = x.numel() / others;
  }
  const Shape shape(sizes);
  check(shape.numel() == x.numel(), op, "expected sizes for {} elements, got {}", x.numel(), text);
  check(!x.is_lanes() || (shape.rank() > 0 && shape[0] == x.dim(0)), op,
        "an activation keeps its batch as dimension 0: {} does not go into {}", x.shape().str(), text);
  return shape;
}

}  // namespace

Tensor reshape(const Tensor& x, const std::vector<std::int64_t>& sizes) {
  return record("reshape", {x}, relayout(x, checked_shape(x, sizes)),
                [before = x.shape()](Backward& b) { b.give(0, relayout(b.grad(), before)); });
}

}  // namespace espalier::ops
