#include "framework/ops/broadcast.h"

#include <optional>

#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/ops/relayout.h"
#include "framework/ops/strided.h"
#include "framework/ops/sum_dimensions.h"
#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"

namespace espalier::ops {
namespace {

Shape checked_shape(const Tensor& a, const Tensor& b, const char* op) {
  check(is_operand(a) && is_operand(b), op, "expected activations or plain f32 tensors, got {} and {}",
        describe(a), describe(b));
  const Shape shape = broadcast_shapes(a.shape(), b.shape(), op);
  if (a.is_lanes() && b.is_lanes()) {
    check(a.rank() == b.rank() && a.dim(0) == b.dim(0), op,
          "expected activations of the same rank and batch, got {} and {}", describe(a), describe(b));
    check(a.dtype() == b.dtype(), op,
          "expected activations of the same type, got {} and {}; convert one with to_dtype", describe(a),
          describe(b));
  } else if (a.is_lanes() || b.is_lanes()) {
    const Tensor& lanes = a.is_lanes() ? a : b;
    const Tensor& plain = a.is_lanes() ? b : a;
    check(plain.rank() < lanes.rank() || (plain.rank() == lanes.rank() && plain.dim(0) == 1), op,
          "a plain tensor beside activations expects no batch, got {} and {}; convert it with to_lanes",
          describe(a), describe(b));
  }
  return shape;
}

// How `part` repeats in lanes of `full`, where each of its elements serves one run of vectors: leading
// dimensions T, its own C, and then P vectors alike. None where the repetition is more tangled.
std::optional<kernels::LaneShape> runs(const Shape& full, const Tensor& part) {
  const int missing = full.rank() - part.rank();
  const auto repeats = [&](int d) { return d < missing || (part.dim(d - missing) == 1 && full[d] != 1); };
  const int first = part.is_lanes() ? 0 : 1;  // a plain tensor repeats over the batch
  int begin = 1, end = full.rank();
  while (end > 1 && repeats(end - 1)) --end;
  while (first == 1 && begin < end && repeats(begin)) ++begin;
  for (int d = begin; d < end; ++d) {
    if (repeats(d)) return std::nullopt;
  }
  // Padded planes may repeat only as a whole.
  if (has_plane_padding(full) && end > 2) return std::nullopt;
  kernels::LaneShape s{.N = full[0]};
  for (int d = 1; d < begin; ++d) s.T *= full[d];
  for (int d = begin; d < end; ++d) s.C *= full[d];
  const std::int64_t vectors = storage_elements(full, Layout::lanes) / (s.G() * kernels::kLanes);
  s.P = s.HW = vectors / (s.T * s.C);
  return s;
}

// y = a op part (swapped: part op a) without writing the repeated part out. False where it cannot.
bool binary_in_runs(kernels::BinaryOp op, bool swapped, const Tensor& a, const Tensor& part, Tensor& y) {
  if (!a.is_lanes() || a.shape() != y.shape()) return false;
  const std::optional<kernels::LaneShape> s = runs(y.shape(), part);
  if (!s) return false;
  const Tensor values = converted(part, DType::f32);
  with_element(y.dtype(), [&](auto element) {
    using T = decltype(element);
    const kernels::EltwiseKernels<T>& k = kernels::eltwise<T>();
    const auto kernel = part.is_lanes() ? k.binary_plane : k.binary_channel;
    kernel(op, swapped, *s, a.data<T>(), values.data(), y.data<T>());
  });
  return true;
}

void binary_equal(kernels::BinaryOp op, const Tensor& a, const Tensor& b, Tensor& y) {
  with_element(y.dtype(), [&](auto element) {
    using T = decltype(element);
    const kernels::EltwiseKernels<T>& k = kernels::eltwise<T>();
    const auto kernel = op == kernels::BinaryOp::add   ? k.add
                        : op == kernels::BinaryOp::sub ? k.sub
                        : op == kernels::BinaryOp::mul ? k.mul
                                                       : k.div;
    kernel(a.data<T>(), b.data<T>(), y.data<T>(), y.storage_elements());
  });
}

}  // namespace

Tensor binary(kernels::BinaryOp op, const Tensor& a, const Tensor& b, const char* op_name) {
  const Shape shape = checked_shape(a, b, op_name);
  const Layout layout = a.is_lanes() || b.is_lanes() ? Layout::lanes : Layout::plain;
  const DType dtype = a.is_lanes() ? a.dtype() : b.dtype();
  Tensor y = Tensor::empty(shape, layout, dtype);
  if (shape.numel() == 0) return y;
  const bool same = a.shape() == b.shape() && a.layout() == b.layout();
  if (same || !(binary_in_runs(op, false, a, b, y) || binary_in_runs(op, true, b, a, y))) {
    binary_equal(op, expand(a, shape, layout, dtype), expand(b, shape, layout, dtype), y);
  }
  if (op == kernels::BinaryOp::div) clear_padding_lanes(y);  // 0 / 0
  return y;
}

Tensor expand(const Tensor& t, const Shape& shape, Layout layout, DType dtype) {
  if (t.shape() == shape && t.layout() == layout) return t;
  Tensor y = Tensor::empty(shape, layout, dtype);
  const Strided from = strided(t.shape(), t.layout()), to = strided(shape, layout);
  Move move{.size = to.size, .dst_stride = to.stride};
  const int missing = shape.rank() - t.rank();
  for (int d = missing; d < shape.rank(); ++d) {
    const auto i = static_cast<std::size_t>(d), source = static_cast<std::size_t>(d - missing);
    move.src_stride[i] = t.dim(d - missing) == shape[d] ? from.stride[source] : 0;
  }
  // The group dimension of lanes is no dimension of a plain tensor.
  if (layout == Layout::lanes && !t.is_lanes()) move.src_stride[0] = 0;
  move_elements(move, shape.rank(), t, y);
  return y;
}

Tensor reduce_to(const Tensor& gradient, const Shape& shape, Layout layout) {
  if (gradient.shape() == shape && gradient.layout() == layout) return gradient;
  DimensionSet dimensions;
  const int missing = gradient.rank() - shape.rank();
  for (int d = 0; d < gradient.rank(); ++d) {
    const bool repeated = d < missing || (shape[d - missing] == 1 && gradient.dim(d) != 1);
    if (repeated) dimensions.set(static_cast<std::size_t>(d));
  }
  if (gradient.layout() != layout) dimensions.set(0);  // the batch, of whatever size
  const Tensor sums = sum_dimensions(gradient, dimensions);
  return sums.view(shape);
}

}  // namespace espalier::ops
