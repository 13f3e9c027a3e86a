// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/conv2d/bias_gradient.h"
#include "kernels/spconv2d/gather.h"
#include "kernels/spconv2d/weight_gradient.h"

namespace espalier::kernels {
namespace {

// The pass over planes of H x W pixels.
SparsePass plane_pass(const Conv2dShape& s, Conv2dPass pass) {
  const std::int64_t src_plane = plane_vectors(std::int64_t{s.IH} * s.IW) * kLanes;
  const std::int64_t dst_plane = plane_vectors(std::int64_t{s.OH()} * s.OW()) * kLanes;
  const SparseStrides src = {src_plane, kLanes, s.IC * src_plane},
                      dst = {dst_plane, kLanes, s.OC * dst_plane};
  const bool backward = pass == Conv2dPass::backward_data;
  SparsePass p;
  p.M = backward ? s.IC : s.OC;
  p.C = backward ? s.OC : s.IC;
  p.taps = s.KH * s.KW;
  p.h = backward ? ShiftAxis{s.IH, s.OH(), s.KH, s.SH, s.PH, true}
                 : ShiftAxis{s.OH(), s.IH, s.KH, s.SH, s.PH, false};
  p.w = backward ? ShiftAxis{s.IW, s.OW(), s.KW, s.SW, s.PW, true}
                 : ShiftAxis{s.OW(), s.IW, s.KW, s.SW, s.PW, false};
  p.images = groups(s.N);
  p.in = backward ? dst : src;
  p.out = backward ? src : dst;
  p.pass = pass;
  return p;
}

template <int B>
std::size_t scratch_bytes(const SparsePass& pass, const SparseBlocks& blocks) {
  ScratchLayout scratch(nullptr);
  if (pass.weights()) {
    WeightPlan<B, kSquareRows<B>>(pass, blocks, scratch);
  } else {
    GatherPlan<B, kSquareRows<B>>(pass, blocks, scratch);
  }
  return scratch.bytes();
}

std::size_t spconv2d_scratch_bytes(const Conv2dShape& shape, const SparseBlocks& blocks, Conv2dPass pass) {
  const SparsePass planes = plane_pass(shape, pass);
  return blocks.size == 1 ? scratch_bytes<1>(planes, blocks) : scratch_bytes<4>(planes, blocks);
}

// The vector that pads every plane of an even number of pixels.
void clear_padding(const SparsePass& p, float* out) {
  const std::int64_t pixels = std::int64_t{p.h.out} * p.w.out;
  if (pixels % 2 != 0) return;
  for (std::int64_t plane = 0; plane < p.images * p.M; ++plane) {
    store(out + plane * p.out.channel + pixels * kLanes, zero());
  }
}

template <int B>
void run(const Conv2dShape& shape, const SparseBlocks& blocks, Conv2dPass pass, const SpConv2dArgs& args) {
  constexpr int R = kSquareRows<B>;
  const SparsePass planes = plane_pass(shape, pass);
  switch (pass) {
    case Conv2dPass::forward:
      gather<B, R>(planes, blocks, args.src, args.values, args.bias, args.dst, args.scratch);
      return clear_padding(planes, args.dst);
    case Conv2dPass::backward_data:
      gather<B, R>(planes, blocks, args.diff_dst, args.values, nullptr, args.diff_src, args.scratch);
      return clear_padding(planes, args.diff_src);
    case Conv2dPass::backward_weights:
      backward_weights<B, R>(planes, blocks, args.src, args.diff_dst, args.diff_values, args.scratch);
      Conv2dArgs bias;
      bias.diff_dst = args.diff_dst;
      bias.diff_bias = args.diff_bias;
      return bias_gradient(shape, bias);
  }
}

void spconv2d_run(const Conv2dShape& shape, const SparseBlocks& blocks, Conv2dPass pass,
                  const SpConv2dArgs& args) {
  blocks.size == 1 ? run<1>(shape, blocks, pass, args) : run<4>(shape, blocks, pass, args);
}

}  // namespace

template <>
const SpConv2dKernels& kernels_for<SpConv2dKernels, kVecIsa>() {
  static constexpr SpConv2dKernels kernels = {
      .isa = kVecIsa, .scratch_bytes = spconv2d_scratch_bytes, .run = spconv2d_run};
  return kernels;
}

}  // namespace espalier::kernels
