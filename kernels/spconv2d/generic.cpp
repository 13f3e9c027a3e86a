// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/conv2d/bias_gradient.h"
#include "kernels/spconv2d/forward_kept.h"
#include "kernels/spconv2d/passes.h"

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

std::size_t spconv2d_scratch_bytes(const Conv2dShape& shape, const SparseBlocks& blocks, Conv2dPass pass) {
  return sparse_scratch_bytes<Places::plane>(plane_pass(shape, pass), blocks);
}

// The vector that pads every plane of an even number of pixels.
template <class T>
void clear_padding(const SparsePass& p, T* out) {
  const std::int64_t pixels = std::int64_t{p.h.out} * p.w.out;
  if (pixels % 2 != 0) return;
  for (std::int64_t plane = 0; plane < p.images * p.M; ++plane) {
    store(out + plane * p.out.channel + pixels * kLanes, zero());
  }
}

template <class T>
void run_of(const Conv2dShape& shape, const SparseBlocks& blocks, Conv2dPass pass, const SpConv2dArgs& args) {
  const SparsePass planes = plane_pass(shape, pass);
  run_sparse<Places::plane, T>(planes, blocks, args);
  switch (pass) {
    case Conv2dPass::forward:
      return clear_padding(planes, static_cast<T*>(args.dst));
    case Conv2dPass::backward_data:
      return clear_padding(planes, static_cast<T*>(args.diff_src));
    case Conv2dPass::backward_weights:
      Conv2dArgs bias;
      bias.diff_dst = args.diff_dst;
      bias.diff_bias = args.diff_bias;
      return bias_gradient<T>(shape, bias);
  }
}

void spconv2d_run(const Conv2dShape& shape, const SparseBlocks& blocks, Conv2dPass pass,
                  const SpConv2dArgs& args) {
  shape.element == Element::bf16 ? run_of<Bf16>(shape, blocks, pass, args)
                                 : run_of<float>(shape, blocks, pass, args);
}

// The lists of a forward pass in memory that stays.
template <int B>
SparsePlan plan_lists(const Conv2dShape& shape, const SparseBlocks& blocks, ScratchLayout& scratch,
                      ScratchLayout& lists) {
  return plan_sparse<B>(plane_pass(shape, Conv2dPass::forward), blocks, kSubtile<B, kSquareRows<B>>, scratch,
                        lists);
}

std::size_t spconv2d_prepared_bytes(const Conv2dShape& shape, const SparseBlocks& blocks) {
  ScratchLayout scratch(nullptr), lists(nullptr);
  blocks.size == 1 ? plan_lists<1>(shape, blocks, scratch, lists)
                   : plan_lists<4>(shape, blocks, scratch, lists);
  return lists.bytes();
}

template <int B>
void prepare(const Conv2dShape& shape, const SparseBlocks& blocks, const float* values, void* prepared,
             void* memory) {
  ScratchLayout scratch(memory), lists(prepared);
  fill_lists<B>(plan_lists<B>(shape, blocks, scratch, lists), blocks, values);
}

void spconv2d_prepare(const Conv2dShape& shape, const SparseBlocks& blocks, const float* values,
                      void* prepared, void* scratch) {
  blocks.size == 1 ? prepare<1>(shape, blocks, values, prepared, scratch)
                   : prepare<4>(shape, blocks, values, prepared, scratch);
}

}  // namespace

template <>
const SpConv2dKernels& kernels_for<SpConv2dKernels, kCompiledIsa>() {
  static constexpr SpConv2dKernels kernels = {.isa = kCompiledIsa,
                                              .scratch_bytes = spconv2d_scratch_bytes,
                                              .run = spconv2d_run,
                                              .prepared_bytes = spconv2d_prepared_bytes,
                                              .prepare = spconv2d_prepare,
                                              .forward_kept = forward_kept};
  return kernels;
}

}  // namespace espalier::kernels
