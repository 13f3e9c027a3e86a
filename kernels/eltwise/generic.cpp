// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/eltwise/binary.h"
#include "kernels/eltwise/dropout.h"
#include "kernels/eltwise/unary.h"

namespace espalier::kernels {

template <>
const EltwiseKernels& kernels_for<EltwiseKernels, kVecIsa>() {
  static constexpr EltwiseKernels kernels = {
      .isa = kVecIsa,
      .relu_fwd = relu_fwd,
      .relu_bwd = relu_bwd,
      .gelu_fwd = gelu_fwd,
      .gelu_bwd = gelu_bwd,
      .gelu_tanh_fwd = gelu_tanh_fwd,
      .gelu_tanh_bwd = gelu_tanh_bwd,
      .exp_fwd = exp_fwd,
      .exp_bwd = exp_bwd,
      .log_fwd = log_fwd,
      .log_bwd = log_bwd,
      .sqrt_fwd = sqrt_fwd,
      .sqrt_bwd = sqrt_bwd,
      .sigmoid_fwd = sigmoid_fwd,
      .sigmoid_bwd = sigmoid_bwd,
      .tanh_fwd = tanh_fwd,
      .tanh_bwd = tanh_bwd,
      .erf_fwd = erf_fwd,
      .erf_bwd = erf_bwd,
      .add = add,
      .sub = sub,
      .mul = mul,
      .div = div,
      .affine = affine,
      .accumulate = accumulate,
      .binary_channel = binary_channel,
      .binary_plane = binary_plane,
      .dropout = dropout,
  };
  return kernels;
}

}  // namespace espalier::kernels
