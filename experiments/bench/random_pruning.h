// Weights removed at random: what a benchmark of speed prunes by, which does not ask what is lost.
#pragma once

#include "framework/nn/module.h"

namespace espalier::bench {

// Masks the fraction `sparsity` of every weight that a pruner of this granularity would prune, layer by
// layer, and sets them to 0. `block`: 1 for single weights, 4 for 4x4 blocks of channels; a layer that blocks
// do not divide stays as it is. The same at every call. Throws Error as check_random_pruning does.
void prune_at_random(nn::Module& model, double sparsity, int block);

// Throws Error (usage) for a sparsity that is no fraction below 1, or for other blocks.
void check_random_pruning(double sparsity, int block);

}  // namespace espalier::bench
