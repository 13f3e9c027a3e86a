// Direct convolution, all three passes, any shape, written once over the 16-lane vector.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/base/vec.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/direct_gather.h"

namespace espalier::kernels {
namespace {

void direct_backward_weights(const Conv2dShape& s, const Conv2dArgs& args) {
  const int ICG = s.IC / s.groups, OCG = s.OC / s.groups, OH = s.OH(), OW = s.OW();
  const std::int64_t src_plane = plane_vectors(std::int64_t{s.IH} * s.IW) * kLanes;
  const std::int64_t dst_plane = plane_vectors(std::int64_t{OH} * OW) * kLanes;
  parallel_for(s.OC, [&](std::int64_t oc) {
    for (int ic = 0; ic < ICG; ++ic) {
      for (int kh = 0; kh < s.KH; ++kh) {
        for (int kw = 0; kw < s.KW; ++kw) {
          Vec acc = zero();
          for (std::int64_t g = 0; g < groups(s.N); ++g) {
            const float* src = args.src + (g * s.IC + oc / OCG * ICG + ic) * src_plane;
            const float* diff_dst = args.diff_dst + (g * s.OC + oc) * dst_plane;
            for (int oh = 0; oh < OH; ++oh) {
              for (int ow = 0; ow < OW; ++ow) {
                const int ih = oh * s.SH - s.PH + kh, iw = ow * s.SW - s.PW + kw;
                if (ih < 0 || ih >= s.IH || iw < 0 || iw >= s.IW) continue;
                acc =
                    fma(load(diff_dst + (oh * OW + ow) * kLanes), load(src + (ih * s.IW + iw) * kLanes), acc);
              }
            }
          }
          args.diff_weights[((oc * ICG + ic) * s.KH + kh) * s.KW + kw] = sum(acc);
        }
      }
    }
    if (args.diff_bias == nullptr) return;
    Vec acc = zero();
    for (std::int64_t g = 0; g < groups(s.N); ++g) {
      const float* diff_dst = args.diff_dst + (g * s.OC + oc) * dst_plane;
      for (int i = 0; i < OH * OW; ++i) acc += load(diff_dst + i * kLanes);
    }
    args.diff_bias[oc] = sum(acc);
  });
}

bool any_shape(const Conv2dShape&) { return true; }
std::size_t no_scratch(const Conv2dShape&) { return 0; }

constexpr Conv2dKernel direct_forward_kernel(const char* name) {
  return {name, kVecIsa, Conv2dPass::forward, any_shape, gather_scratch_bytes<false>, direct_forward};
}
constexpr Conv2dKernel direct_backward_data_kernel(const char* name) {
  return {
      name, kVecIsa, Conv2dPass::backward_data, any_shape, gather_scratch_bytes<true>, direct_backward_data};
}
constexpr Conv2dKernel direct_backward_weights_kernel(const char* name) {
  return {name, kVecIsa, Conv2dPass::backward_weights, any_shape, no_scratch, direct_backward_weights};
}

}  // namespace
}  // namespace espalier::kernels
