#pragma once

#include <vector>

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// The tensors one after another along a dimension; they agree in layout, type and every other size. Lanes are
// not joined along their batch.
Tensor concat(const std::vector<Tensor>& parts, int dimension);

}  // namespace espalier::ops
