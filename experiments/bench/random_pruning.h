// Weights removed at random: what a benchmark of speed prunes by, which does not ask what is lost.
#pragma once

#include <string>

#include "framework/nn/module.h"

namespace espalier::bench {

// What is removed as one.
enum class Unit { none, weight, block, filter };

// "dense", "1x1", "4x4", "filters"
const char* unit_name(Unit unit);
// Throws Error (usage) unless the name is that of one that can be removed.
Unit unit_from(const std::string& name);

// Single weights, or 4x4 blocks of channels: masks the fraction of every layer's weights that a pruner of
// this granularity would prune, and sets them to 0; a layer that blocks do not divide stays as it is.
// Filters: takes the same share of every layer's, with all that goes with them, until the fraction of the
// multiply-adds of an `image` [C, H, W] is gone; the model is smaller afterwards. The same at every call.
// Throws Error as check_random_pruning does, and (usage) when so many filters cannot go.
void prune_at_random(nn::Module& model, const Shape& image, double fraction, Unit unit);

// Throws Error (usage) for no fraction below 1.
void check_random_pruning(double fraction);

}  // namespace espalier::bench
