#include "kernels/conv2d/winograd_bwd_weights.h"
#include "kernels/conv2d/winograd_fwd.h"

namespace espalier::kernels {
extern const Conv2dKernel conv2d_fwd_f32_wino4x4_avx512, conv2d_bwd_data_f32_wino4x4_avx512,
    conv2d_bwd_weights_f32_wino4x4_avx512;
const Conv2dKernel conv2d_fwd_f32_wino4x4_avx512 = winograd_forward_kernel("conv2d_fwd_f32_wino4x4_avx512");
const Conv2dKernel conv2d_bwd_data_f32_wino4x4_avx512 =
    winograd_backward_data_kernel("conv2d_bwd_data_f32_wino4x4_avx512");
const Conv2dKernel conv2d_bwd_weights_f32_wino4x4_avx512 =
    winograd_backward_weights_kernel("conv2d_bwd_weights_f32_wino4x4_avx512");
}  // namespace espalier::kernels
