// Elementwise functions over contiguous arrays. Activations in lanes are contiguous too, the
// padding of their planes included, so one loop serves both kinds of tensor. n counts floats.
#pragma once

#include <cstdint>

#include "kernels/base/isa.h"

namespace espalier::kernels {

// One row of kernels.inc: the family compiled for one ISA. dst may be one of the inputs.
struct EltwiseKernels {
  Isa isa;
  // dst = max(src, 0); NaN stays NaN.
  void (*relu_fwd)(const float* src, float* dst, std::int64_t n);
  // diff_src = dst > 0 ? diff_dst : 0. Takes the output, so that the input need not be kept.
  void (*relu_bwd)(const float* dst, const float* diff_dst, float* diff_src, std::int64_t n);
  void (*add)(const float* a, const float* b, float* dst, std::int64_t n);
};

const EltwiseKernels& eltwise();

}  // namespace espalier::kernels
