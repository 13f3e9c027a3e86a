// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/pool/average.h"
#include "kernels/pool/max.h"

namespace espalier::kernels {
namespace {

template <class T>
constexpr PoolKernels<T> kKernels = {
    .isa = kCompiledIsa,
    .max_fwd = max_fwd<T>,
    .max_bwd = max_bwd<T>,
    .average_fwd = average_fwd<T>,
    .average_bwd = average_bwd<T>,
    .global_average_fwd = global_average_fwd<T>,
    .global_average_bwd = global_average_bwd<T>,
};

}  // namespace

ESPALIER_KERNELS_FOR_ELEMENTS(PoolKernels);

}  // namespace espalier::kernels
