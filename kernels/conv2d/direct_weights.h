// Backward weights, direct: the gradient of shared weights (kernels/gemm/weight_gradient.h) with a tap for
// each place of the kernel. A tap sums over the positions where it lies inside the source, so the padding
// costs nothing.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/scratch.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/gemm/weight_gradient.h"

namespace espalier::kernels {
namespace {

// Output coordinates o in [0, out) with 0 <= o*stride + shift < in.
struct Inside {
  int begin, end;
};
inline Inside positions_inside(int out, int in, int stride, int shift) {
  const int begin = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
  const int end = in <= shift ? 0 : (in - shift + stride - 1) / stride;
  return {begin, end < out ? end : out};
}

struct DirectWeights {
  WeightGradient gradient;
  GradientPlan plan;
};

inline DirectWeights plan_direct_weights(const Conv2dShape& s, ScratchLayout& scratch) {
  WeightGradient p;
  p.groups = s.groups;
  p.IC = s.IC / s.groups;
  p.OC = s.OC / s.groups;
  p.taps = s.KH * s.KW;
  p.images = groups(s.N);
  p.rows = s.OH();
  p.columns = s.OW();
  const std::int64_t src_plane = plane_vectors(std::int64_t{s.IH} * s.IW) * kLanes;
  const std::int64_t dst_plane = plane_vectors(std::int64_t{p.rows} * p.columns) * kLanes;
  p.src = {s.IC * src_plane, src_plane, std::int64_t{s.SH} * s.IW * kLanes, std::int64_t{s.SW} * kLanes};
  p.dst = {s.OC * dst_plane, dst_plane, std::int64_t{p.columns} * kLanes, kLanes};
  GradientTap* taps = scratch.take<GradientTap>(p.taps);
  for (int t = 0; taps != nullptr && t < p.taps; ++t) {
    const int shift_h = t / s.KW - s.PH, shift_w = t % s.KW - s.PW;
    const Inside h = positions_inside(p.rows, s.IH, s.SH, shift_h);
    const Inside w = positions_inside(p.columns, s.IW, s.SW, shift_w);
    taps[t] = {h.begin, h.end, w.begin, w.end, (std::int64_t{shift_h} * s.IW + shift_w) * kLanes};
  }
  p.tap_list = taps;
  return {p, plan_gradient(p, scratch)};
}

std::size_t direct_weights_scratch_bytes(const Conv2dShape& shape) {
  ScratchLayout scratch(nullptr);
  plan_direct_weights(shape, scratch);
  return scratch.bytes();
}

void direct_backward_weights(const Conv2dShape& shape, const Conv2dArgs& args) {
  ScratchLayout scratch(args.scratch);
  const DirectWeights direct = plan_direct_weights(shape, scratch);
  weight_gradient(direct.gradient, direct.plan, args.src, args.diff_dst, args.diff_weights, args.diff_bias);
}

}  // namespace
}  // namespace espalier::kernels
