// The bias gradient of linear layers whose kernels do not sum it on their way.
#pragma once

#include "kernels/base/blocked_sum.h"
#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/gemm/gemm.h"

namespace espalier::kernels {
namespace {

// The gradient of the bias: the sum of diff_dst over images and tokens. Padding lanes are zero in a gradient.
template <class T>
void token_bias_gradient(const LinearShape& s, const T* diff_dst, float* diff_bias) {
  if (diff_bias == nullptr) return;
  const std::int64_t tokens = groups(s.N) * s.T;
  constexpr int kTogether = 8;  // neighbours in memory
  parallel_for((s.OC + kTogether - 1) / kTogether, [&](std::int64_t task) {
    const int first = static_cast<int>(task) * kTogether;
    const int count = s.OC - first < kTogether ? s.OC - first : kTogether;
    BlockedSums<kTogether> sums;
    sums.add(tokens, [&](std::int64_t token, Vec(&values)[kTogether]) {
      const T* at = diff_dst + (token * s.OC + first) * kLanes;
      for (int i = 0; i < kTogether; ++i) values[i] = i < count ? load(at + i * kLanes) : zero();
    });
    for (int i = 0; i < count; ++i) diff_bias[first + i] = static_cast<float>(sums.total(i));
  });
}

}  // namespace
}  // namespace espalier::kernels
