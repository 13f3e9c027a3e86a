// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/softmax/cross_entropy.h"
#include "kernels/softmax/probabilities.h"
#include "kernels/softmax/ranking.h"

namespace espalier::kernels {

template <>
const SoftmaxKernels& kernels_for<SoftmaxKernels, kCompiledIsa>() {
  static constexpr SoftmaxKernels kernels = {
      .isa = kCompiledIsa,
      .softmax_fwd = softmax_fwd,
      .softmax_bwd = softmax_bwd,
      .log_softmax_fwd = log_softmax_fwd,
      .log_softmax_bwd = log_softmax_bwd,
      .cross_entropy_fwd = cross_entropy_fwd,
      .cross_entropy_bwd = cross_entropy_bwd,
      .argmax = argmax,
      .count_top_k = count_top_k,
  };
  return kernels;
}

}  // namespace espalier::kernels
