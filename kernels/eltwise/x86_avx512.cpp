#include "kernels/eltwise/generic.h"

namespace espalier::kernels {
extern const EltwiseKernels eltwise_avx512;
const EltwiseKernels eltwise_avx512 = kEltwise;
}  // namespace espalier::kernels
