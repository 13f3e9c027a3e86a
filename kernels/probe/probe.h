// The limits of this machine, to compare kernels with: multiply-adds that touch no memory, and a copy that
// does nothing else.
#pragma once

#include <cstdint>

#include "kernels/base/dispatch.h"

namespace espalier::kernels {

struct ProbeKernels {
  Isa isa;
  // x = a*x + b, `iterations` times in each of several independent chains, enough of them to fill the
  // pipelines of one core. Returns the sum of what the chains come to, so that they are computed at all.
  float (*multiply_add)(float a, float b, std::int64_t iterations);
  // Floating-point operations of one iteration, all chains and lanes.
  double flops_per_iteration;
  // dst = src past the caches, by all threads; both aligned to 64 bytes, n a multiple of 16.
  void (*stream_copy)(const float* src, float* dst, std::int64_t n);
};

inline const ProbeKernels& probe() { return active_kernels<ProbeKernels>(); }

}  // namespace espalier::kernels
