// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/attention/backward.h"
#include "kernels/attention/forward.h"

namespace espalier::kernels {
namespace {

template <class T>
constexpr AttentionKernels<T> kKernels = {
    .isa = kVecIsa, .forward = attention_fwd<T>, .backward = attention_bwd<T>};

}  // namespace

template <>
const AttentionKernels<float>& kernels_for<AttentionKernels<float>, kVecIsa>() {
  return kKernels<float>;
}
template <>
const AttentionKernels<Bf16>& kernels_for<AttentionKernels<Bf16>, kVecIsa>() {
  return kKernels<Bf16>;
}

}  // namespace espalier::kernels
