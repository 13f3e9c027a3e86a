// The same elements under another shape, outside any graph.
#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// Shares storage where the layout allows, else copies: lanes of rank 4 have padding between planes that other
// shapes do not. Lanes keep their batch. Throws Error when the shapes' elements differ in number.
Tensor relayout(const Tensor& t, const Shape& shape);

}  // namespace espalier::ops
