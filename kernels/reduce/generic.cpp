// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/reduce/activations.h"
#include "kernels/reduce/plain.h"
#include "kernels/reduce/reduce.h"

namespace espalier::kernels {
namespace {

template <class T>
constexpr ReduceKernels<T> kKernels = {
    .isa = kCompiledIsa,
    .sum = array_sum<T>,
    .sum_squares = array_sum_squares<T>,
    .max_abs = array_max_abs<T>,
    .count_nonfinite = array_count_nonfinite<T>,
    .lanes_sum = lanes_sum<T>,
    .lanes_count_nonfinite = lanes_count_nonfinite<T>,
    .channel_sum = channel_sum<T>,
    .channel_dot = channel_dot<T>,
    .plane_sum = plane_sum<T>,
    .plane_dot = plane_dot<T>,
    .axis_sum = axis_sum<T>,
};

}  // namespace

ESPALIER_KERNELS_FOR_ELEMENTS(ReduceKernels);

}  // namespace espalier::kernels
