// The gradient of a convolution's bias: the sum of diff_dst over images and pixels.
#pragma once

#include "kernels/base/blocked_sum.h"
#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/conv2d/conv2d.h"

namespace espalier::kernels {
namespace {

// Writes args.diff_bias unless it is null. Padding lanes are zero in a gradient.
template <class T>
void bias_gradient(const Conv2dShape& s, const Conv2dArgs& args) {
  if (args.diff_bias == nullptr) return;
  const std::int64_t pixels = std::int64_t{s.OH()} * s.OW();
  const std::int64_t plane = plane_vectors(pixels) * kLanes;
  parallel_for(s.OC, [&](std::int64_t oc) {
    BlockedSums<1> sums;
    for (std::int64_t g = 0; g < groups(s.N); ++g) {
      const T* diff_dst = static_cast<const T*>(args.diff_dst) + (g * s.OC + oc) * plane;
      sums.add(pixels, [&](std::int64_t i, Vec(&value)[1]) { value[0] = load(diff_dst + i * kLanes); });
    }
    args.diff_bias[oc] = static_cast<float>(sums.total(0));
  });
}

}  // namespace
}  // namespace espalier::kernels
