#include "framework/ops/last_dimension.h"

#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/tensor/lanes.h"

namespace espalier::ops {
namespace {

// body(shape, offset in floats) for blocks of rows without gaps: the whole tensor, or each plane where
// padding lies between them.
template <class Body>
void for_each_block(const Tensor& x, const Body& body) {
  if (x.numel() == 0) return;
  const std::int64_t n = x.dim(0), length = x.dim(-1);
  if (!has_plane_padding(x.shape())) {
    body(kernels::token_lanes(n, x.numel() / (n * length), length), 0);
    return;
  }
  const std::int64_t plane = kernels::plane_vectors(x.dim(2) * length) * kernels::kLanes;
  const kernels::LaneShape rows = kernels::token_lanes(kernels::kLanes, x.dim(2), length);
  for (std::int64_t i = 0; i < x.groups() * x.dim(1); ++i) body(rows, i * plane);
}

}  // namespace

Tensor map_rows(const Tensor& x, std::string_view op, RowKernel kernel) {
  const bool fits = is_activation(x) && x.dtype() == DType::f32 && x.rank() >= 2 && x.rank() <= 4;
  check(fits, op, "x expects lanes of rank 2 to 4, got {}", describe(x));
  Tensor y = Tensor::empty_like(x);
  for_each_block(x, [&](const kernels::LaneShape& rows, std::int64_t at) {
    kernel(rows, x.data() + at, y.data() + at);
  });
  return y;
}

Tensor map_rows_gradient(const Tensor& y, const Tensor& dy, RowGradientKernel kernel) {
  Tensor dx = Tensor::empty_like(y);
  for_each_block(y, [&](const kernels::LaneShape& rows, std::int64_t at) {
    kernel(rows, y.data() + at, dy.data() + at, dx.data() + at);
  });
  return dx;
}

}  // namespace espalier::ops
