#include "framework/tensor/lanes.h"

#include "framework/core/error.h"
#include "kernels/layout/layout.h"

namespace espalier {

Tensor to_lanes(const Tensor& plain) {
  check(!plain.is_lanes() && plain.rank() >= 1, "to_lanes", "expected a plain tensor with a batch dimension");
  Tensor lanes = Tensor::empty(plain.shape(), Layout::lanes);
  kernels::layout().to_lanes(lane_shape(plain.shape()), plain.data(), lanes.data());
  return lanes;
}

Tensor from_lanes(const Tensor& lanes) {
  check(lanes.is_lanes(), "from_lanes", "expected a tensor in lanes");
  Tensor plain = Tensor::empty(lanes.shape());
  kernels::layout().from_lanes(lane_shape(lanes.shape()), lanes.data(), plain.data());
  return plain;
}

kernels::LaneShape lane_shape(const Shape& shape) {
  if (shape.rank() == 4) return kernels::image_lanes(shape[0], shape[1], shape[2] * shape[3]);
  if (shape.rank() == 3) return kernels::token_lanes(shape[0], shape[1], shape[2]);
  return kernels::token_lanes(shape[0], 1, shape.without(0).numel());
}

bool has_plane_padding(const Shape& shape) { return shape.rank() == 4 && shape[2] * shape[3] % 2 == 0; }

void clear_padding_lanes(Tensor& t) {
  if (!t.is_lanes() || t.dim(0) % kernels::kLanes == 0) return;
  kernels::layout().clear_padding_lanes(lane_shape(t.shape()), t.data());
}

}  // namespace espalier
