// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/attention/backward.h"
#include "kernels/attention/forward.h"

namespace espalier::kernels {

template <>
const AttentionKernels& kernels_for<AttentionKernels, kVecIsa>() {
  static constexpr AttentionKernels kernels = {
      .isa = kVecIsa, .forward = attention_fwd, .backward = attention_bwd};
  return kernels;
}

}  // namespace espalier::kernels
