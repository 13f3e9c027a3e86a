#include "kernels/gemm/generic.h"

namespace espalier::kernels {
extern const GemmKernels gemm_avx2;
const GemmKernels gemm_avx2 = kGemm;
}  // namespace espalier::kernels
