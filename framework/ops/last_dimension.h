// Functions of the rows along the last dimension, outside any graph: what softmax and log_softmax have in
// common.
#pragma once

#include <string_view>

#include "framework/tensor/tensor.h"
#include "kernels/base/lanes.h"

namespace espalier::ops {

// Over rows without gaps, [G][T rows][C][16].
using RowKernel = void (*)(const kernels::LaneShape& shape, const float* src, float* dst);
using RowGradientKernel = void (*)(const kernels::LaneShape& shape, const float* dst, const float* diff_dst,
                                   float* diff_src);

// f(x), each row on its own. Throws Error, in the name of `op`, unless x is f32 in lanes and of rank 2 to 4.
Tensor map_rows(const Tensor& x, std::string_view op, RowKernel kernel);

// The gradient of the input, from the output y and its gradient dy.
Tensor map_rows_gradient(const Tensor& y, const Tensor& dy, RowGradientKernel kernel);

}  // namespace espalier::ops
