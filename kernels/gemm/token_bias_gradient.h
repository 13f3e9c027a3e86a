// The bias gradient of linear layers whose kernels do not sum it on their way.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/base/vec.h"
#include "kernels/gemm/gemm.h"

namespace espalier::kernels {
namespace {

// The gradient of the bias: the sum of diff_dst over images and tokens. Padding lanes are zero in a gradient.
template <class T>
void token_bias_gradient(const LinearShape& s, const T* diff_dst, float* diff_bias) {
  if (diff_bias == nullptr) return;
  const std::int64_t tokens = groups(s.N) * s.T;
  constexpr int kTogether = 8;
  parallel_for((s.OC + kTogether - 1) / kTogether, [&](std::int64_t task) {
    const int first = static_cast<int>(task) * kTogether;
    const int count = s.OC - first < kTogether ? s.OC - first : kTogether;
    Vec totals[kTogether];
    for (Vec& total : totals) total = zero();
    for (std::int64_t token = 0; token < tokens; ++token) {
      const T* at = diff_dst + (token * s.OC + first) * kLanes;
      for (int i = 0; i < count; ++i) totals[i] += load(at + i * kLanes);
    }
    for (int i = 0; i < count; ++i) diff_bias[first + i] = sum(totals[i]);
  });
}

}  // namespace
}  // namespace espalier::kernels
