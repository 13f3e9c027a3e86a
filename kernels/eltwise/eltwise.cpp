#include "kernels/eltwise/eltwise.h"

#include "kernels/base/dispatch.h"
#include "kernels/eltwise/generic.h"

namespace espalier::kernels {

extern const EltwiseKernels eltwise_portable;
const EltwiseKernels eltwise_portable = kEltwise;

#define ESPALIER_KERNELS(isa) extern const EltwiseKernels eltwise_##isa;
#include "kernels/eltwise/kernels.inc"
#undef ESPALIER_KERNELS

const EltwiseKernels& eltwise() {
#define ESPALIER_KERNELS(isa) &eltwise_##isa,
  static const EltwiseKernels* const rows[] = {
#include "kernels/eltwise/kernels.inc"
  };
#undef ESPALIER_KERNELS
  static const EltwiseKernels& chosen = first_eligible(rows);
  return chosen;
}

}  // namespace espalier::kernels
