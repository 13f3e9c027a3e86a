// The definition of correct for this family: the formula of conv2d.h as plain loops over images, summed in
// double. The code to read first, and the truth that every kernel is tested against. Activations are f32
// here, also those that kernels for another element take rounded.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/conv2d/conv2d.h"

namespace espalier::kernels::reference {

// Where element (c, h, w) of image n stands in an activation in lanes of C channels and H x W pixels.
inline std::int64_t lane_offset(std::int64_t n, int c, int h, int w, int C, int H, int W) {
  const std::int64_t plane = plane_vectors(std::int64_t{H} * W);
  return (((n / kLanes) * C + c) * plane + std::int64_t{h} * W + w) * kLanes + n % kLanes;
}

// Calls body(weight index, src index, dst index) for every product of the convolution of one image:
// dst[dst index] += weights[weight index] * src[src index]. Taps outside the source plane have no product.
template <class Body>
void for_each_product(const Conv2dShape& s, std::int64_t n, const Body& body) {
  const int ICG = s.IC / s.groups, OCG = s.OC / s.groups;
  for (int oc = 0; oc < s.OC; ++oc) {
    for (int oh = 0; oh < s.OH(); ++oh) {
      for (int ow = 0; ow < s.OW(); ++ow) {
        const std::int64_t dst_at = lane_offset(n, oc, oh, ow, s.OC, s.OH(), s.OW());
        for (int ic = 0; ic < ICG; ++ic) {
          for (int kh = 0; kh < s.KH; ++kh) {
            for (int kw = 0; kw < s.KW; ++kw) {
              const int ih = oh * s.SH - s.PH + kh, iw = ow * s.SW - s.PW + kw;
              if (ih < 0 || ih >= s.IH || iw < 0 || iw >= s.IW) continue;
              body(((std::int64_t{oc} * ICG + ic) * s.KH + kh) * s.KW + kw,
                   lane_offset(n, oc / OCG * ICG + ic, ih, iw, s.IC, s.IH, s.IW), dst_at);
            }
          }
        }
      }
    }
  }
}

// Padding lanes are computed like images.
inline std::int64_t images(const Conv2dShape& s) { return groups(s.N) * kLanes; }
inline std::size_t src_size(const Conv2dShape& s) {
  return static_cast<std::size_t>(images(s) * s.IC * plane_vectors(std::int64_t{s.IH} * s.IW));
}
inline std::size_t dst_size(const Conv2dShape& s) {
  return static_cast<std::size_t>(images(s) * s.OC * plane_vectors(std::int64_t{s.OH()} * s.OW()));
}
inline std::size_t weights_size(const Conv2dShape& s) {
  return static_cast<std::size_t>(s.OC) * (s.IC / s.groups) * s.KH * s.KW;
}

inline void conv2d_forward(const Conv2dShape& s, const Conv2dArgs& args) {
  const auto *src = static_cast<const float*>(args.src), *residual = static_cast<const float*>(args.residual);
  std::vector<double> dst(dst_size(s), 0.0);
  for (std::int64_t n = 0; n < images(s); ++n) {
    for (int oc = 0; args.bias != nullptr && oc < s.OC; ++oc) {
      for (int oh = 0; oh < s.OH(); ++oh) {
        for (int ow = 0; ow < s.OW(); ++ow)
          dst[lane_offset(n, oc, oh, ow, s.OC, s.OH(), s.OW())] = args.bias[oc];
      }
    }
    for_each_product(s, n, [&](std::int64_t weight_at, std::int64_t src_at, std::int64_t dst_at) {
      dst[dst_at] += static_cast<double>(args.weights[weight_at]) * src[src_at];
    });
  }
  for (std::size_t i = 0; i < dst.size(); ++i) {
    const double sum = dst[i] + (residual == nullptr ? 0.0 : residual[i]);
    static_cast<float*>(args.dst)[i] = static_cast<float>(args.relu && sum < 0.0 ? 0.0 : sum);
  }
}

inline void conv2d_backward_data(const Conv2dShape& s, const Conv2dArgs& args) {
  const auto* diff_dst = static_cast<const float*>(args.diff_dst);
  std::vector<double> diff_src(src_size(s), 0.0);
  for (std::int64_t n = 0; n < images(s); ++n) {
    for_each_product(s, n, [&](std::int64_t weight_at, std::int64_t src_at, std::int64_t dst_at) {
      diff_src[src_at] += static_cast<double>(args.weights[weight_at]) * diff_dst[dst_at];
    });
  }
  auto* out = static_cast<float*>(args.diff_src);
  for (std::size_t i = 0; i < diff_src.size(); ++i) out[i] = static_cast<float>(diff_src[i]);
}

inline void conv2d_backward_weights(const Conv2dShape& s, const Conv2dArgs& args) {
  const auto *src = static_cast<const float*>(args.src), *diff_dst = static_cast<const float*>(args.diff_dst);
  std::vector<double> diff_weights(weights_size(s), 0.0), diff_bias(s.OC, 0.0);
  for (std::int64_t n = 0; n < images(s); ++n) {
    for_each_product(s, n, [&](std::int64_t weight_at, std::int64_t src_at, std::int64_t dst_at) {
      diff_weights[weight_at] += static_cast<double>(src[src_at]) * diff_dst[dst_at];
    });
    for (int oc = 0; oc < s.OC; ++oc) {
      for (int oh = 0; oh < s.OH(); ++oh) {
        for (int ow = 0; ow < s.OW(); ++ow) {
          diff_bias[oc] += diff_dst[lane_offset(n, oc, oh, ow, s.OC, s.OH(), s.OW())];
        }
      }
    }
  }
  for (std::size_t i = 0; i < diff_weights.size(); ++i)
    args.diff_weights[i] = static_cast<float>(diff_weights[i]);
  for (int oc = 0; args.diff_bias != nullptr && oc < s.OC; ++oc) {
    args.diff_bias[oc] = static_cast<float>(diff_bias[oc]);
  }
}

inline void conv2d(Conv2dPass pass, const Conv2dShape& shape, const Conv2dArgs& args) {
  switch (pass) {
    case Conv2dPass::forward:
      return conv2d_forward(shape, args);
    case Conv2dPass::backward_data:
      return conv2d_backward_data(shape, args);
    case Conv2dPass::backward_weights:
      return conv2d_backward_weights(shape, args);
  }
}

}  // namespace espalier::kernels::reference
