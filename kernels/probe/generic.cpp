// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/base/vec.h"
#include "kernels/probe/probe.h"

namespace espalier::kernels {
namespace {

// Latency times throughput of a multiply-add, in registers, is 8 to 10. A Vec is one register of AVX-512, two
// of AVX2 (which has 16) and four of NEON (which has 32).
constexpr int kChains = kVecIsa == Isa::avx512 ? 12 : kVecIsa == Isa::neon ? 4 : 5;

float multiply_add(float a, float b, std::int64_t iterations) {
  const Vec va = broadcast(a), vb = broadcast(b);
  Vec chain[kChains];
  for (int i = 0; i < kChains; ++i) chain[i] = broadcast(static_cast<float>(i));
  for (std::int64_t step = 0; step < iterations; ++step) {
    ESPALIER_UNROLL for (int i = 0; i < kChains; ++i) chain[i] = fma(va, chain[i], vb);
  }
  Vec total = zero();
  for (int i = 0; i < kChains; ++i) total += chain[i];
  return sum(total);
}

void stream_copy(const float* src, float* dst, std::int64_t n) {
  constexpr std::int64_t kPart = 1 << 18;
  parallel_for((n + kPart - 1) / kPart, [&](std::int64_t part) {
    const std::int64_t end = (part + 1) * kPart < n ? (part + 1) * kPart : n;
    for (std::int64_t i = part * kPart; i < end; i += kLanes) stream(dst + i, load(src + i));
    stream_fence();
  });
}

}  // namespace

template <>
const ProbeKernels& kernels_for<ProbeKernels, kCompiledIsa>() {
  static constexpr ProbeKernels kernels = {
      .isa = kCompiledIsa,
      .multiply_add = multiply_add,
      .flops_per_iteration = 2.0 * kLanes * kChains,
      .stream_copy = stream_copy,
  };
  return kernels;
}

}  // namespace espalier::kernels
