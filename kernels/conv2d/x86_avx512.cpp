#include "kernels/conv2d/direct.h"

namespace espalier::kernels {
extern const Conv2dKernel conv2d_fwd_f32_direct_avx512, conv2d_bwd_data_f32_direct_avx512,
    conv2d_bwd_weights_f32_direct_avx512;
const Conv2dKernel conv2d_fwd_f32_direct_avx512 = direct_forward_kernel("conv2d_fwd_f32_direct_avx512");
const Conv2dKernel conv2d_bwd_data_f32_direct_avx512 =
    direct_backward_data_kernel("conv2d_bwd_data_f32_direct_avx512");
const Conv2dKernel conv2d_bwd_weights_f32_direct_avx512 =
    direct_backward_weights_kernel("conv2d_bwd_weights_f32_direct_avx512");
}  // namespace espalier::kernels
