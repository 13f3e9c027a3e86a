// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/norm/batch_norm.h"
#include "kernels/norm/layer_norm.h"

namespace espalier::kernels {
namespace {

template <class T>
constexpr NormKernels<T> kKernels = {
    .isa = kVecIsa,
    .batch_norm_fwd_training = batch_norm_fwd_training<T>,
    .batch_norm_fwd_inference = batch_norm_fwd_inference<T>,
    .batch_norm_bwd = batch_norm_bwd<T>,
    .layer_norm_fwd = layer_norm_fwd<T>,
    .layer_norm_bwd = layer_norm_bwd<T>,
};

}  // namespace

template <>
const NormKernels<float>& kernels_for<NormKernels<float>, kVecIsa>() {
  return kKernels<float>;
}
template <>
const NormKernels<Bf16>& kernels_for<NormKernels<Bf16>, kVecIsa>() {
  return kKernels<Bf16>;
}

}  // namespace espalier::kernels
