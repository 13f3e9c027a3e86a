#include "framework/ops/last_dimension.h"

#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/tensor/lanes.h"

namespace espalier::ops {

LastDimension last_dimension(const Tensor& x, const char* op) {
  check(x.defined() && x.is_lanes() && x.rank() >= 2 && x.rank() <= 4, op,
        "x expects lanes of rank 2 to 4, got {}", describe(x));
  const std::int64_t n = x.dim(0), length = x.dim(-1);
  if (!has_plane_padding(x.shape())) {
    return {.shape = kernels::token_lanes(n, x.numel() / (n * length), length)};
  }
  const std::int64_t plane = kernels::plane_vectors(x.dim(2) * length);
  return {.blocks = x.groups() * x.dim(1),
          .block_floats = plane * kernels::kLanes,
          .shape = kernels::token_lanes(kernels::kLanes, x.dim(2), length)};
}

}  // namespace espalier::ops
