// Sums over whole dimensions, outside any graph: the forward of ops::sum, and the gradient of every
// broadcast.
#pragma once

#include <bitset>

#include "framework/tensor/tensor.h"

namespace espalier::ops {

using DimensionSet = std::bitset<Shape::kMaxRank>;

// t with the sizes of `dimensions` summed to 1: lanes of t's type, or plain f32 where lanes are summed over
// their batch. t itself where there is nothing to sum.
Tensor sum_dimensions(const Tensor& t, DimensionSet dimensions);

}  // namespace espalier::ops
