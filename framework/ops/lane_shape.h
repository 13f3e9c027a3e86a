// Tensors in lanes, as the kernels see them.
#pragma once

#include "framework/tensor/tensor.h"
#include "kernels/base/lanes.h"

namespace espalier::ops {

// Images [N, C, H, W] with their padded planes; tokens [N, T, C] and features [N, F] as they are; every other
// rank as one row of features.
kernels::LaneShape lane_shape(const Shape& shape);

// Do the planes of this shape end with a padding vector?
bool has_plane_padding(const Shape& shape);

// Makes the lanes that are no image zero again, after a function that may have left infinities or NaN there.
// Does nothing to plain tensors.
void clear_padding_lanes(Tensor& t);

}  // namespace espalier::ops
