#include "kernels/conv2d/winograd_bwd_weights.h"
#include "kernels/conv2d/winograd_fwd.h"

namespace espalier::kernels {
extern const Conv2dKernel conv2d_fwd_f32_wino4x4_portable, conv2d_bwd_data_f32_wino4x4_portable,
    conv2d_bwd_weights_f32_wino4x4_portable;
const Conv2dKernel conv2d_fwd_f32_wino4x4_portable =
    winograd_forward_kernel("conv2d_fwd_f32_wino4x4_portable");
const Conv2dKernel conv2d_bwd_data_f32_wino4x4_portable =
    winograd_backward_data_kernel("conv2d_bwd_data_f32_wino4x4_portable");
const Conv2dKernel conv2d_bwd_weights_f32_wino4x4_portable =
    winograd_backward_weights_kernel("conv2d_bwd_weights_f32_wino4x4_portable");
}  // namespace espalier::kernels
