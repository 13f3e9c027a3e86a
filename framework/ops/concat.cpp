#include "framework/ops/concat.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/ops/strided.h"

namespace espalier::ops {
namespace {

Shape checked_shape(const std::vector<Tensor>& parts, int dimension) {
  constexpr const char* op = "concat";
  check(!parts.empty(), op, "expected at least one tensor, got none");
  const Tensor& first = parts[0];
  const int d = first.shape().wrap(dimension);
  check(!first.is_lanes() || d > 0, op, "activations are not joined along their batch, dimension 0");
  std::int64_t total = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool fits = parts[i].defined() && parts[i].layout() == first.layout() &&
                      parts[i].dtype() == first.dtype() && parts[i].rank() == first.rank() &&
                      parts[i].shape().with(d, 0) == first.shape().with(d, 0);
    check(fits, op, "part {} expects {} but for dimension {}, got {}", i, describe(first), d,
          describe(parts[i]));
    total += parts[i].dim(d);
  }
  return first.shape().with(d, total);
}

}  // namespace

Tensor concat(const std::vector<Tensor>& parts, int dimension) {
  const Shape shape = checked_shape(parts, dimension);
  const int d = shape.wrap(dimension);
  Tensor y = Tensor::empty(shape, parts[0].layout(), parts[0].dtype());
  const Strided whole = strided(shape, y.layout());
  std::vector<Shape> shapes;
  std::int64_t offset = 0;
  for (const Tensor& part : parts) {
    const Strided p = strided(part.shape(), part.layout());
    move_elements({.size = p.size, .src_stride = p.stride, .dst_stride = whole.stride, .dst_offset = offset},
                  shape.rank(), part, y);
    offset += part.dim(d) * whole.stride[static_cast<std::size_t>(d)];
    shapes.push_back(part.shape());
  }
  const BackwardFunction backward = [=](Backward& b) {
    std::int64_t at = 0;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      if (b.needs(static_cast<int>(i))) {
        Tensor dpart = Tensor::empty(shapes[i], b.grad().layout(), b.grad().dtype());
        const Strided p = strided(shapes[i], dpart.layout());
        move_elements({.size = p.size, .src_stride = whole.stride, .dst_stride = p.stride, .src_offset = at},
                      shapes[i].rank(), b.grad(), dpart);
        b.give(static_cast<int>(i), std::move(dpart));
      }
      at += shapes[i][d] * whole.stride[static_cast<std::size_t>(d)];
    }
  };
  return record("concat", parts, y, backward, {{"dimension", d}});
}

}  // namespace espalier::ops
