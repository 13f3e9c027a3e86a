// Pruned weights that learn on (regrow "feedback"): what a pruner does with Parameter::dormant of its
// targets.
#pragma once

#include <span>

#include "framework/nn/parameter.h"
#include "framework/tensor/named_tensors.h"

namespace espalier::pruning {

using Targets = std::span<nn::Parameter* const>;

bool have_dormant(Targets targets);
// Opens the masks, so that all weights compete; those that lose now go to rest instead of to 0.
void let_all_compete(Targets targets);
// What is pruned is gone, once the masks are enforced. Returns whether anything was dormant.
bool drop_dormant(Targets targets);

// For checkpoints: "dormant.<parameter>".
NamedTensors dormant_state(Targets targets);
// Takes the dormant weights out of `state` and returns the rest. Throws Error (integrity) for any that do not
// fit a target.
NamedTensors load_dormant(Targets targets, const NamedTensors& state);

}  // namespace espalier::pruning
