#include "kernels/eltwise/generic.h"

namespace espalier::kernels {
extern const EltwiseKernels eltwise_avx2;
const EltwiseKernels eltwise_avx2 = kEltwise;
}  // namespace espalier::kernels
