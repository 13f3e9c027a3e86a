// Compiled once per ISA (kernels/kernels.cmake). The sums are those of kernels/spconv2d: a linear layer is a
// 1x1 convolution over one row of pixels, which are the tokens of all images.
#include "kernels/gemm/token_bias_gradient.h"
#include "kernels/spconv2d/passes.h"
#include "kernels/splinear/splinear.h"

namespace espalier::kernels {
namespace {

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

std::size_t splinear_scratch_bytes(const LinearShape& shape, const SparseBlocks& blocks, Conv2dPass pass) {
  return sparse_scratch_bytes<Places::row>(token_pass(shape, pass), blocks);
}

template <class T>
void run_of(const LinearShape& shape, const SparseBlocks& blocks, Conv2dPass pass, const SpConv2dArgs& args) {
  run_sparse<Places::row, T>(token_pass(shape, pass), blocks, args);
  if (pass != Conv2dPass::backward_weights) return;
  token_bias_gradient(shape, static_cast<const T*>(args.diff_dst), args.diff_bias);
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
