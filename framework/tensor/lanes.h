// Activations in lanes: how they look to the kernels, and conversion at the borders, where data comes and
// goes row-major.
#pragma once

#include "framework/tensor/tensor.h"
#include "kernels/base/lanes.h"

namespace espalier {

// [N, ...] plain f32 -> lanes of f32, or rounded to bf16. The padding lanes become zeros. Outside any graph.
Tensor to_lanes(const Tensor& plain, DType dtype = DType::f32);
// [N, ...] lanes of either type -> plain f32. Outside any graph.
Tensor from_lanes(const Tensor& lanes);
// The same elements as f32 or, rounded, as bf16; t itself where it is of that type. Outside any graph.
Tensor converted(const Tensor& t, DType dtype);

// Images [N, C, H, W] with their padded planes; tokens [N, T, C] and features [N, F] as they are; every other
// rank as one row of features.
kernels::LaneShape lane_shape(const Shape& shape);

// Do the planes of this shape end with a padding vector?
bool has_plane_padding(const Shape& shape);

// Makes the lanes that are no image zero again, after a function that may have left infinities or NaN there.
// Does nothing to plain tensors.
void clear_padding_lanes(Tensor& t);

}  // namespace espalier
