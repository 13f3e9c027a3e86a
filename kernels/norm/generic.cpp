// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/norm/batch_norm.h"
#include "kernels/norm/layer_norm.h"

namespace espalier::kernels {
namespace {

template <class T>
constexpr NormKernels<T> kKernels = {
    .isa = kCompiledIsa,
    .batch_norm_fwd_training = batch_norm_fwd_training<T>,
    .batch_norm_fwd_inference = batch_norm_fwd_inference<T>,
    .batch_norm_bwd = batch_norm_bwd<T>,
    .layer_norm_fwd = layer_norm_fwd<T>,
    .layer_norm_bwd = layer_norm_bwd<T>,
};

}  // namespace

ESPALIER_KERNELS_FOR_ELEMENTS(NormKernels);

}  // namespace espalier::kernels
