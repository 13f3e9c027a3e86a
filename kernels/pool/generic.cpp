// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/pool/average.h"
#include "kernels/pool/max.h"

namespace espalier::kernels {
namespace {

template <class T>
constexpr PoolKernels<T> kKernels = {
    .isa = kVecIsa,
    .max_fwd = max_fwd<T>,
    .max_bwd = max_bwd<T>,
    .average_fwd = average_fwd<T>,
    .average_bwd = average_bwd<T>,
    .global_average_fwd = global_average_fwd<T>,
    .global_average_bwd = global_average_bwd<T>,
};

}  // namespace

template <>
const PoolKernels<float>& kernels_for<PoolKernels<float>, kVecIsa>() {
  return kKernels<float>;
}
template <>
const PoolKernels<Bf16>& kernels_for<PoolKernels<Bf16>, kVecIsa>() {
  return kKernels<Bf16>;
}

}  // namespace espalier::kernels
