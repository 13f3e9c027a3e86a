// Compiled once per ISA (kernels/kernels.cmake). The sums are those of kernels/spconv2d: a linear layer is a
// 1x1 convolution over one row of pixels, which are the tokens of all images.
#include "kernels/gemm/token_bias_gradient.h"
#include "kernels/spconv2d/gather.h"
#include "kernels/spconv2d/weight_gradient.h"
#include "kernels/splinear/splinear.h"

namespace espalier::kernels {
namespace {

// Registers hold a row of tokens.
constexpr int kRows = 1;

SparsePass token_pass(const LinearShape& s, Conv2dPass pass) {
  const bool backward = pass == Conv2dPass::backward_data;
  const int tokens = static_cast<int>(groups(s.N) * s.T);
  const auto strides = [&](int features) {
    const std::int64_t token = std::int64_t{features} * kLanes;
    return SparseStrides{kLanes, token, tokens * token};
  };
  SparsePass p;
  p.M = backward ? s.IC : s.OC;
  p.C = backward ? s.OC : s.IC;
  p.taps = 1;
  p.h = {1, 1, 1, 1, 0, backward};
  p.w = {tokens, tokens, 1, 1, 0, backward};
  p.images = 1;
  p.in = strides(p.C);
  p.out = strides(p.M);
  p.pass = pass;
  return p;
}

template <int B>
std::size_t scratch_bytes(const SparsePass& pass, const SparseBlocks& blocks) {
  ScratchLayout scratch(nullptr);
  if (pass.weights()) {
    WeightPlan<B, kRows>(pass, blocks, scratch);
  } else {
    GatherPlan<B, kRows>(pass, blocks, scratch, scratch);
  }
  return scratch.bytes();
}

std::size_t splinear_scratch_bytes(const LinearShape& shape, const SparseBlocks& blocks, Conv2dPass pass) {
  const SparsePass tokens = token_pass(shape, pass);
  return blocks.size == 1 ? scratch_bytes<1>(tokens, blocks) : scratch_bytes<4>(tokens, blocks);
}

template <int B, class T>
void run(const LinearShape& shape, const SparseBlocks& blocks, Conv2dPass pass, const SpConv2dArgs& args) {
  const SparsePass tokens = token_pass(shape, pass);
  const auto *src = static_cast<const T*>(args.src), *diff_dst = static_cast<const T*>(args.diff_dst);
  switch (pass) {
    case Conv2dPass::forward:
      return gather_forward<B, kRows, T>(tokens, blocks, args);
    case Conv2dPass::backward_data:
      return gather_backward_data<B, kRows, T>(tokens, blocks, args);
    case Conv2dPass::backward_weights:
      backward_weights<B, kRows>(tokens, blocks, src, diff_dst, args.diff_values, args.scratch);
      return token_bias_gradient(shape, diff_dst, args.diff_bias);
  }
}

template <class T>
void run_of(const LinearShape& shape, const SparseBlocks& blocks, Conv2dPass pass, const SpConv2dArgs& args) {
  blocks.size == 1 ? run<1, T>(shape, blocks, pass, args) : run<4, T>(shape, blocks, pass, args);
}

void splinear_run(const LinearShape& shape, const SparseBlocks& blocks, Conv2dPass pass,
                  const SpConv2dArgs& args) {
  shape.element == Element::bf16 ? run_of<Bf16>(shape, blocks, pass, args)
                                 : run_of<float>(shape, blocks, pass, args);
}

}  // namespace

template <>
const SpLinearKernels& kernels_for<SpLinearKernels, kCompiledIsa>() {
  static constexpr SpLinearKernels kernels = {
      .isa = kCompiledIsa, .scratch_bytes = splinear_scratch_bytes, .run = splinear_run};
  return kernels;
}

}  // namespace espalier::kernels
