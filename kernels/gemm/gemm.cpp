#include "kernels/gemm/gemm.h"

#include "kernels/base/dispatch.h"
#include "kernels/gemm/generic.h"

namespace espalier::kernels {

extern const GemmKernels gemm_portable;
const GemmKernels gemm_portable = kGemm;

#define ESPALIER_KERNELS(isa) extern const GemmKernels gemm_##isa;
#include "kernels/gemm/kernels.inc"
#undef ESPALIER_KERNELS

const std::vector<const GemmKernels*>& gemm_kernels() {
#define ESPALIER_KERNELS(isa) &gemm_##isa,
  static const std::vector<const GemmKernels*> rows = {
#include "kernels/gemm/kernels.inc"
  };
#undef ESPALIER_KERNELS
  return rows;
}

namespace {

const GemmKernels& active() {
  static const GemmKernels& chosen = []() -> const GemmKernels& {
    for (const GemmKernels* row : gemm_kernels()) {
      if (isa_eligible(row->isa)) return *row;
    }
    return gemm_portable;
  }();
  return chosen;
}

}  // namespace

void gemm_f32(const GemmShape& shape, const float* A, const float* B, float* C) {
  active().gemm(shape, A, B, C);
}

void linear_fwd_f32(const LinearShape& shape, const float* src, const float* weights, const float* bias,
                    float* dst) {
  active().linear_fwd(shape, src, weights, bias, dst);
}

void linear_bwd_data_f32(const LinearShape& shape, const float* diff_dst, const float* weights,
                         float* diff_src) {
  active().linear_bwd_data(shape, diff_dst, weights, diff_src);
}

void linear_bwd_weights_f32(const LinearShape& shape, const float* src, const float* diff_dst,
                            float* diff_weights, float* diff_bias) {
  active().linear_bwd_weights(shape, src, diff_dst, diff_weights, diff_bias);
}

void lane_matmul_f32(const LaneMatmulShape& shape, const float* A, const float* B, float* C) {
  active().lane_matmul(shape, A, B, C);
}

}  // namespace espalier::kernels
