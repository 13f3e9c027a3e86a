// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/gemm/lane_matmul.h"
#include "kernels/gemm/linear.h"
#include "kernels/gemm/linear_bf16.h"
#include "kernels/gemm/matmul.h"

namespace espalier::kernels {

template <>
const GemmKernels& kernels_for<GemmKernels, kCompiledIsa>() {
  static constexpr GemmKernels kernels = {
      .isa = kCompiledIsa,
      .gemm = gemm,
      .linear_fwd = linear_fwd,
      .linear_bwd_data = linear_bwd_data,
      .linear_bwd_weights = linear_bwd_weights<F32Product>,
      .lane_matmul = lane_matmul,
  };
  return kernels;
}

template <>
const LinearBf16Kernels& kernels_for<LinearBf16Kernels, kCompiledIsa>() {
  static constexpr LinearBf16Kernels kernels = linear_bf16_kernels(kCompiledIsa);
  return kernels;
}

}  // namespace espalier::kernels
