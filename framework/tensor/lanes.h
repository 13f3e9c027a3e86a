// Conversion at the borders: data comes and goes row-major, activations are in lanes.
#pragma once

#include "framework/tensor/tensor.h"

namespace espalier {

// [N, ...] plain -> lanes. The padding lanes become zeros. Outside any graph.
Tensor to_lanes(const Tensor& plain);
// [N, ...] lanes -> plain. Outside any graph.
Tensor from_lanes(const Tensor& lanes);

}  // namespace espalier
