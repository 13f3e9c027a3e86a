// Direct convolution, all three passes, any shape, written once over the 16-lane vector.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/base/vec.h"
#include "kernels/conv2d/conv2d.h"

namespace espalier::kernels {
namespace {

void direct_forward(const Conv2dShape& s, const Conv2dArgs& args) {
  const int ICG = s.IC / s.groups, OCG = s.OC / s.groups, OH = s.OH(), OW = s.OW();
  const std::int64_t src_plane = plane_vectors(std::int64_t{s.IH} * s.IW) * kLanes;
  const std::int64_t dst_plane = plane_vectors(std::int64_t{OH} * OW) * kLanes;
  parallel_for(groups(s.N) * s.OC, [&](std::int64_t task) {
    const std::int64_t g = task / s.OC;
    const int oc = static_cast<int>(task % s.OC);
    const float* src = args.src + (g * s.IC + oc / OCG * ICG) * src_plane;  // [ICG][IH*IW | 1][16]
    const float* weights = args.weights + std::int64_t{oc} * ICG * s.KH * s.KW;
    float* dst = args.dst + task * dst_plane;  // [OH*OW | 1][16]
    store(dst + dst_plane - kLanes, zero());
    for (int oh = 0; oh < OH; ++oh) {
      for (int ow = 0; ow < OW; ++ow) {
        Vec sum = broadcast(args.bias == nullptr ? 0.0f : args.bias[oc]);
        for (int ic = 0; ic < ICG; ++ic) {
          for (int kh = 0; kh < s.KH; ++kh) {
            for (int kw = 0; kw < s.KW; ++kw) {
              const int ih = oh * s.SH - s.PH + kh, iw = ow * s.SW - s.PW + kw;
              if (ih < 0 || ih >= s.IH || iw < 0 || iw >= s.IW) continue;
              sum = fma(broadcast(weights[(ic * s.KH + kh) * s.KW + kw]),
                        load(src + ic * src_plane + (ih * s.IW + iw) * kLanes), sum);
            }
          }
        }
        store(dst + (oh * OW + ow) * kLanes, sum);
      }
    }
  });
}

void direct_backward_data(const Conv2dShape& s, const Conv2dArgs& args) {
  const int ICG = s.IC / s.groups, OCG = s.OC / s.groups, OH = s.OH(), OW = s.OW();
  const std::int64_t src_plane = plane_vectors(std::int64_t{s.IH} * s.IW) * kLanes;
  const std::int64_t dst_plane = plane_vectors(std::int64_t{OH} * OW) * kLanes;
  parallel_for(groups(s.N) * s.IC, [&](std::int64_t task) {
    const std::int64_t g = task / s.IC;
    const int ic = static_cast<int>(task % s.IC), oc0 = ic / ICG * OCG;
    const float* diff_dst = args.diff_dst + (g * s.OC + oc0) * dst_plane;  // [OCG][OH*OW | 1][16]
    float* diff_src = args.diff_src + task * src_plane;                    // [IH*IW | 1][16]
    for (std::int64_t i = 0; i < src_plane; i += kLanes) store(diff_src + i, zero());
    for (int oc = 0; oc < OCG; ++oc) {
      const float* weights = args.weights + (std::int64_t{oc0 + oc} * ICG + ic % ICG) * s.KH * s.KW;
      for (int oh = 0; oh < OH; ++oh) {
        for (int ow = 0; ow < OW; ++ow) {
          const Vec gradient = load(diff_dst + oc * dst_plane + (oh * OW + ow) * kLanes);
          for (int kh = 0; kh < s.KH; ++kh) {
            for (int kw = 0; kw < s.KW; ++kw) {
              const int ih = oh * s.SH - s.PH + kh, iw = ow * s.SW - s.PW + kw;
              if (ih < 0 || ih >= s.IH || iw < 0 || iw >= s.IW) continue;
              float* out = diff_src + (ih * s.IW + iw) * kLanes;
              store(out, fma(broadcast(weights[kh * s.KW + kw]), gradient, load(out)));
            }
          }
        }
      }
    }
  });
}

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
  return {name, kVecIsa, Conv2dPass::forward, any_shape, no_scratch, direct_forward};
}
constexpr Conv2dKernel direct_backward_data_kernel(const char* name) {
  return {name, kVecIsa, Conv2dPass::backward_data, any_shape, no_scratch, direct_backward_data};
}
constexpr Conv2dKernel direct_backward_weights_kernel(const char* name) {
  return {name, kVecIsa, Conv2dPass::backward_weights, any_shape, no_scratch, direct_backward_weights};
}

}  // namespace
}  // namespace espalier::kernels
