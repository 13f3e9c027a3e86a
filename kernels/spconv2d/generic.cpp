// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/spconv2d/gather.h"
#include "kernels/spconv2d/weight_gradient.h"

namespace espalier::kernels {
namespace {

template <int B>
std::size_t scratch_bytes(const Conv2dShape& shape, const SparseBlocks& blocks, Conv2dPass pass) {
  ScratchLayout scratch(nullptr);
  if (pass == Conv2dPass::backward_weights) {
    WeightPlan<B>(shape, blocks, scratch);
  } else {
    GatherPlan<B>(shape, blocks, pass, scratch);
  }
  return scratch.bytes();
}

std::size_t spconv2d_scratch_bytes(const Conv2dShape& shape, const SparseBlocks& blocks, Conv2dPass pass) {
  return blocks.size == 1 ? scratch_bytes<1>(shape, blocks, pass) : scratch_bytes<4>(shape, blocks, pass);
}

template <int B>
void run(const Conv2dShape& shape, const SparseBlocks& blocks, Conv2dPass pass, const SpConv2dArgs& args) {
  switch (pass) {
    case Conv2dPass::forward:
      return gather<B>(shape, blocks, pass, args.src, args.values, args.bias, args.dst, args.scratch);
    case Conv2dPass::backward_data:
      return gather<B>(shape, blocks, pass, args.diff_dst, args.values, nullptr, args.diff_src, args.scratch);
    case Conv2dPass::backward_weights:
      return backward_weights<B>(shape, blocks, args);
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
