// What a choice of kernels is made for: the shape of a layer, and a pass.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>

#include "kernels/conv2d/conv2d.h"
#include "kernels/gemm/gemm.h"

namespace espalier::tune {

using LayerShape = std::variant<kernels::Conv2dShape, kernels::LinearShape>;

// "forward", "backward_data", "backward_weights"
const char* pass_name(kernels::Conv2dPass pass);

// The shape at the batch at which kernels are compared: 16, 32, 64, 128, ... images, the next at or above its
// own. So the last batch of an epoch, which is not full, runs on the kernels of the others: what a kernel
// supports does not depend on the batch.
LayerShape at_compared_batch(LayerShape shape);

// Equal for equal shapes, to look things up by.
using ShapeKey = std::array<std::int64_t, 14>;
ShapeKey shape_key(const LayerShape& shape);

// "conv2d N128 IC64 OC128 H32 W32 K3x3 S2x2 P1x1", groups (" G8") and "bf16" where there are any; "linear
// N128 T64 IC192 OC576", and "bf16".
std::string shape_name(const LayerShape& shape);

}  // namespace espalier::tune
