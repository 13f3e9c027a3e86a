// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/pool/average.h"
#include "kernels/pool/max.h"

namespace espalier::kernels {

template <>
const PoolKernels& kernels_for<PoolKernels, kVecIsa>() {
  static constexpr PoolKernels kernels = {
      .isa = kVecIsa,
      .max_fwd = max_fwd,
      .max_bwd = max_bwd,
      .average_fwd = average_fwd,
      .average_bwd = average_bwd,
      .global_average_fwd = global_average_fwd,
      .global_average_bwd = global_average_bwd,
  };
  return kernels;
}

}  // namespace espalier::kernels
