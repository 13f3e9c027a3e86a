#include "kernels/gemm/generic.h"

namespace espalier::kernels {
extern const GemmKernels gemm_avx512;
const GemmKernels gemm_avx512 = kGemm;
}  // namespace espalier::kernels
