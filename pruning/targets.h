// Which parameters a pruner works on.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "framework/nn/parameter.h"

namespace espalier::pruning {

// * and ? as in file names.
bool name_matches(const std::string& name, const std::string& pattern);

// The weights (no biases, no normalisation) whose names match a pattern of `include` and none of `exclude`; *
// and ? as in file names. Throws Error (usage) when a pattern matches no weight: it was mistyped, or meant
// another model.
std::vector<nn::Parameter*> select_targets(std::span<nn::Parameter* const> parameters,
                                           const std::vector<std::string>& include,
                                           const std::vector<std::string>& exclude);

}  // namespace espalier::pruning
