// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/reduce/activations.h"
#include "kernels/reduce/plain.h"
#include "kernels/reduce/reduce.h"

namespace espalier::kernels {

template <>
const ReduceKernels& kernels_for<ReduceKernels, kVecIsa>() {
  static constexpr ReduceKernels kernels = {
      .isa = kVecIsa,
      .sum = array_sum,
      .sum_squares = array_sum_squares,
      .max_abs = array_max_abs,
      .count_nonfinite = array_count_nonfinite,
      .lanes_sum = lanes_sum,
      .lanes_count_nonfinite = lanes_count_nonfinite,
      .channel_sum = channel_sum,
      .channel_dot = channel_dot,
      .plane_sum = plane_sum,
      .plane_dot = plane_dot,
      .axis_sum = axis_sum,
  };
  return kernels;
}

}  // namespace espalier::kernels
