// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/spconv2d/forward_kept.h"
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
    GatherPlan<B>(shape, blocks, pass, scratch, scratch);
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
      return gather<B>(shape, blocks, pass,
                       {args.src,
                        args.values,
                        args.prepared,
                        {args.bias, args.residual, args.relu},
                        args.dst,
                        args.scratch});
    case Conv2dPass::backward_data:
      return gather<B>(
          shape, blocks, pass,
          {args.diff_dst, args.values, nullptr, {nullptr, nullptr, false}, args.diff_src, args.scratch});
    case Conv2dPass::backward_weights:
      return backward_weights<B>(shape, blocks, args);
  }
}

void spconv2d_run(const Conv2dShape& shape, const SparseBlocks& blocks, Conv2dPass pass,
                  const SpConv2dArgs& args) {
  blocks.size == 1 ? run<1>(shape, blocks, pass, args) : run<4>(shape, blocks, pass, args);
}

// The lists of a forward pass in memory that stays.
template <int B>
SparsePlan plan_lists(const Conv2dShape& shape, const SparseBlocks& blocks, ScratchLayout& scratch,
                      ScratchLayout& lists) {
  return plan_sparse<B>(shape, blocks, Conv2dPass::forward, scratch, lists);
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
  fill_lists<B>(plan_lists<B>(shape, blocks, scratch, lists), blocks, Conv2dPass::forward, values);
}

void spconv2d_prepare(const Conv2dShape& shape, const SparseBlocks& blocks, const float* values,
                      void* prepared, void* scratch) {
  blocks.size == 1 ? prepare<1>(shape, blocks, values, prepared, scratch)
                   : prepare<4>(shape, blocks, values, prepared, scratch);
}

}  // namespace

template <>
const SpConv2dKernels& kernels_for<SpConv2dKernels, kVecIsa>() {
  static constexpr SpConv2dKernels kernels = {
      .isa = kVecIsa,
      .scratch_bytes = spconv2d_scratch_bytes,
      .run = spconv2d_run,
      .prepared_bytes = spconv2d_prepared_bytes,
      .prepare = spconv2d_prepare,
      .forward_kept = forward_kept};
  return kernels;
}

}  // namespace espalier::kernels
