// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/norm/batch_norm.h"
#include "kernels/norm/layer_norm.h"

namespace espalier::kernels {

template <>
const NormKernels& kernels_for<NormKernels, kVecIsa>() {
  static constexpr NormKernels kernels = {
      .isa = kVecIsa,
      .batch_norm_fwd_training = batch_norm_fwd_training,
      .batch_norm_fwd_inference = batch_norm_fwd_inference,
      .batch_norm_bwd = batch_norm_bwd,
      .layer_norm_fwd = layer_norm_fwd,
      .layer_norm_bwd = layer_norm_bwd,
  };
  return kernels;
}

}  // namespace espalier::kernels
