#include "kernels/gemm/generic.h"

namespace espalier::kernels {
extern const GemmKernels gemm_neon;
const GemmKernels gemm_neon = kGemm;
}  // namespace espalier::kernels
