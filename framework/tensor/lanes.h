// Activations in lanes: how they look to the kernels, and conversion at the borders, where data comes and
// goes row-major.
#pragma once

#include "framework/tensor/tensor.h"
#include "kernels/base/lanes.h"

namespace espalier {

// [N, ...] plain -> lanes. The padding lanes become zeros. Outside any graph.
Tensor to_lanes(const Tensor& plain);
// [N, ...] lanes -> plain. Outside any graph.
Tensor from_lanes(const Tensor& lanes);

// Images [N, C, H, W] with their padded planes; tokens [N, T, C] and features [N, F] as they are; every other
// rank as one row of features.
kernels::LaneShape lane_shape(const Shape& shape);

// Do the planes of this shape end with a padding vector?
bool has_plane_padding(const Shape& shape);

// Makes the lanes that are no image zero again, after a function that may have left infinities or NaN there.
// Does nothing to plain tensors.
void clear_padding_lanes(Tensor& t);

}  // namespace espalier
