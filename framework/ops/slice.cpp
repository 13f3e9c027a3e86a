#include "framework/ops/slice.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/strided.h"

namespace espalier::ops {

Tensor slice(const Tensor& x, int dimension, std::int64_t begin, std::int64_t end) {
  constexpr const char* op = "slice";
  const int d = x.shape().wrap(dimension);
  check(!x.is_lanes() || d > 0, op, "activations are not cut along their batch, dimension 0");
  check(0 <= begin && begin <= end && end <= x.dim(d), op, "expected 0 <= begin <= end <= {}, got {} and {}",
        x.dim(d), begin, end);
  const Strided whole = strided(x.shape(), x.layout());
  Tensor y = Tensor::empty(x.shape().with(d, end - begin), x.layout(), x.dtype());
  const Strided part = strided(y.shape(), y.layout());
  const std::int64_t offset = begin * whole.stride[static_cast<std::size_t>(d)];
  move_elements(
      {.size = part.size, .src_stride = whole.stride, .dst_stride = part.stride, .src_offset = offset},
      x.rank(), x, y);
  const BackwardFunction backward = [=, shape = x.shape()](Backward& b) {
    Tensor dx = Tensor::zeros(shape, b.grad().layout(), b.grad().dtype());
    move_elements(
        {.size = part.size, .src_stride = part.stride, .dst_stride = whole.stride, .dst_offset = offset},
        shape.rank(), b.grad(), dx);
    b.give(0, std::move(dx));
  };
  return record(op, {x}, y, backward, {{"dimension", d}, {"begin", begin}});
}

}  // namespace espalier::ops
