// Sums of gradients.
#pragma once

#include "framework/tensor/tensor.h"

namespace espalier {

// sum += gradient, where an undefined sum is zero. Overwrites in place only memory that nothing else refers
// to: a gradient may be the very tensor that another node still reads.
void accumulate(Tensor& sum, Tensor gradient);

}  // namespace espalier
