// The density of weights below which sparse kernels are faster than dense ones. A fixed table, as that of
// kernels/spconv2d/break_even.h.
#pragma once

#include "kernels/conv2d/conv2d.h"
#include "kernels/gemm/gemm.h"

namespace espalier::kernels {

// For kept blocks of block_size x block_size features. Kept values, those that fill up a block included,
// count. 0: dense whatever the density (where dense layers run on matrix tiles).
double break_even_density(const LinearShape& shape, Conv2dPass pass, int block_size);

}  // namespace espalier::kernels
