// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/eltwise/binary.h"
#include "kernels/eltwise/dropout.h"
#include "kernels/eltwise/unary.h"

namespace espalier::kernels {
namespace {

template <class T>
constexpr EltwiseKernels<T> kKernels = {
    .isa = kCompiledIsa,
    .relu_fwd = relu_fwd<T>,
    .relu_bwd = relu_bwd<T>,
    .gelu_fwd = gelu_fwd<T>,
    .gelu_bwd = gelu_bwd<T>,
    .gelu_tanh_fwd = gelu_tanh_fwd<T>,
    .gelu_tanh_bwd = gelu_tanh_bwd<T>,
    .exp_fwd = exp_fwd<T>,
    .exp_bwd = exp_bwd<T>,
    .log_fwd = log_fwd<T>,
    .log_bwd = log_bwd<T>,
    .sqrt_fwd = sqrt_fwd<T>,
    .sqrt_bwd = sqrt_bwd<T>,
    .sigmoid_fwd = sigmoid_fwd<T>,
    .sigmoid_bwd = sigmoid_bwd<T>,
    .tanh_fwd = tanh_fwd<T>,
    .tanh_bwd = tanh_bwd<T>,
    .erf_fwd = erf_fwd<T>,
    .erf_bwd = erf_bwd<T>,
    .add = add<T>,
    .sub = sub<T>,
    .mul = mul<T>,
    .div = div<T>,
    .affine = affine<T>,
    .accumulate = accumulate<T>,
    .widen = convert<T, float>,
    .round = convert<float, T>,
    .binary_channel = binary_channel<T>,
    .binary_plane = binary_plane<T>,
    .dropout = dropout<T>,
};

}  // namespace

ESPALIER_KERNELS_FOR_ELEMENTS(EltwiseKernels);

}  // namespace espalier::kernels
