#include "kernels/gemm/linear_bf16.h"

namespace espalier::kernels {

template <>
const LinearBf16Kernels& kernels_for<LinearBf16Kernels, Isa::avx512bf16>() {
  static constexpr LinearBf16Kernels kernels = linear_bf16_kernels(Isa::avx512bf16);
  return kernels;
}

}  // namespace espalier::kernels
