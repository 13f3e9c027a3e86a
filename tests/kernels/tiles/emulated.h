// The kernels on matrix tiles with tiles computed in loops, so that every machine tests what lies around the
// instructions.
#pragma once

#include "kernels/conv2d/conv2d.h"
#include "kernels/gemm/gemm.h"

namespace espalier::kernels {

extern const Conv2dKernel conv2d_fwd_bf16_tiles_portable;
extern const Conv2dKernel conv2d_bwd_data_bf16_tiles_portable;
extern const Conv2dKernel conv2d_bwd_weights_bf16_tiles_portable;
extern const LinearBf16Kernels linear_bf16_tiles_portable;

}  // namespace espalier::kernels
