// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/attention/backward.h"
#include "kernels/attention/forward.h"

namespace espalier::kernels {
namespace {

template <class T>
constexpr AttentionKernels<T> kKernels = {
    .isa = kCompiledIsa, .forward = attention_fwd<T>, .backward = attention_bwd<T>};

}  // namespace

ESPALIER_KERNELS_FOR_ELEMENTS(AttentionKernels);

}  // namespace espalier::kernels
