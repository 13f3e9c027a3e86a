#include "kernels/gemm/gemm.h"

namespace espalier::kernels {

void gemm_f32(const GemmShape& shape, const float* A, const float* B, float* C) {
  active_kernels<GemmKernels>().gemm(shape, A, B, C);
}

void linear_fwd_f32(const LinearShape& shape, const float* src, const float* weights, const float* bias,
                    float* dst) {
  active_kernels<GemmKernels>().linear_fwd(shape, src, weights, bias, dst);
}

void linear_bwd_data_f32(const LinearShape& shape, const float* diff_dst, const float* weights,
                         float* diff_src) {
  active_kernels<GemmKernels>().linear_bwd_data(shape, diff_dst, weights, diff_src);
}

void linear_bwd_weights_f32(const LinearShape& shape, const float* src, const float* diff_dst,
                            float* diff_weights, float* diff_bias) {
  active_kernels<GemmKernels>().linear_bwd_weights(shape, src, diff_dst, diff_weights, diff_bias);
}

void lane_matmul_f32(const LaneMatmulShape& shape, const float* A, const float* B, float* C) {
  active_kernels<GemmKernels>().lane_matmul(shape, A, B, C);
}

const std::vector<const LinearBf16Kernels*>& linear_bf16_kernels() {
  static const std::vector<const LinearBf16Kernels*> rows = [] {
    std::vector<const LinearBf16Kernels*> found;
#if defined(ESPALIER_X86) && !defined(ESPALIER_PORTABLE_ONLY)
    found.push_back(&kernels_for<LinearBf16Kernels, Isa::amx>());
#endif
    for (const LinearBf16Kernels* row : compiled_kernels<LinearBf16Kernels>()) found.push_back(row);
    return found;
  }();
  return rows;
}

const LinearBf16Kernels& linear_bf16() {
  static const LinearBf16Kernels& active = first_eligible(linear_bf16_kernels());
  return active;
}

}  // namespace espalier::kernels
