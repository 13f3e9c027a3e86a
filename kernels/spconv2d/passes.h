// The three passes over sums of either kind, for blocks of either size: what convolutions and linear layers
// share.
#pragma once

#include "kernels/spconv2d/gather.h"
#include "kernels/spconv2d/weight_gradient.h"

namespace espalier::kernels {
namespace {

// What the places of an output are: pixels of planes, or one row of tokens.
enum class Places { plane, row };
template <int B, Places places>
inline constexpr int kSubtileRows = places == Places::plane ? kSquareRows<B> : 1;

template <int B, int R>
std::size_t block_scratch_bytes(const SparsePass& pass, const SparseBlocks& blocks) {
  ScratchLayout scratch(nullptr);
  if (pass.weights()) {
    WeightPlan<B, R>(pass, blocks, scratch);
  } else {
    GatherPlan<B, R>(pass, blocks, scratch, scratch);
  }
  return scratch.bytes();
}

template <Places places>
std::size_t sparse_scratch_bytes(const SparsePass& pass, const SparseBlocks& blocks) {
  return blocks.size == 1 ? block_scratch_bytes<1, kSubtileRows<1, places>>(pass, blocks)
                          : block_scratch_bytes<4, kSubtileRows<4, places>>(pass, blocks);
}

template <int B, int R, class T>
void run_blocks(const SparsePass& pass, const SparseBlocks& blocks, const SpConv2dArgs& args) {
  switch (pass.pass) {
    case Conv2dPass::forward:
      return gather_forward<B, R, T>(pass, blocks, args);
    case Conv2dPass::backward_data:
      return gather_backward_data<B, R, T>(pass, blocks, args);
    case Conv2dPass::backward_weights:
      return backward_weights<B, R>(pass, blocks, static_cast<const T*>(args.src),
                                    static_cast<const T*>(args.diff_dst), args.diff_values, args.scratch);
  }
}

// All but the gradient of the bias, over activations of T.
template <Places places, class T>
void run_sparse(const SparsePass& pass, const SparseBlocks& blocks, const SpConv2dArgs& args) {
  blocks.size == 1 ? run_blocks<1, kSubtileRows<1, places>, T>(pass, blocks, args)
                   : run_blocks<4, kSubtileRows<4, places>, T>(pass, blocks, args);
}

}  // namespace
}  // namespace espalier::kernels
