// The density of weights below which sparse kernels are faster than dense ones. A fixed table, so that
// choices, and with them the bits, do not depend on the day; and where framework/tune begins to measure.
#pragma once

#include "kernels/conv2d/conv2d.h"

namespace espalier::kernels {

// For kept blocks of block_size x block_size channels. Kept values, those that fill up a block included,
// count. 0: dense whatever the density (groups, and where dense convolutions run on matrix tiles).
double break_even_density(const Conv2dShape& shape, Conv2dPass pass, int block_size);

}  // namespace espalier::kernels
