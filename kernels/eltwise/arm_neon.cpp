#include "kernels/eltwise/generic.h"

namespace espalier::kernels {
extern const EltwiseKernels eltwise_neon;
const EltwiseKernels eltwise_neon = kEltwise;
}  // namespace espalier::kernels
