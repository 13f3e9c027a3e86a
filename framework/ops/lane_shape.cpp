#include "framework/ops/lane_shape.h"

#include "kernels/layout/layout.h"

namespace espalier::ops {

kernels::LaneShape lane_shape(const Shape& shape) {
  if (shape.rank() == 4) return kernels::image_lanes(shape[0], shape[1], shape[2] * shape[3]);
  if (shape.rank() == 3) return kernels::token_lanes(shape[0], shape[1], shape[2]);
  return kernels::token_lanes(shape[0], 1, shape.numel() / shape[0]);
}

bool has_plane_padding(const Shape& shape) { return shape.rank() == 4 && shape[2] * shape[3] % 2 == 0; }

void clear_padding_lanes(Tensor& t) {
  if (!t.is_lanes() || t.dim(0) % kernels::kLanes == 0) return;
  kernels::layout().clear_padding_lanes(lane_shape(t.shape()), t.data());
}

}  // namespace espalier::ops
