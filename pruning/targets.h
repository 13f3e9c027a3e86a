// Which parameters a pruner works on.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framework/nn/parameter.h"

namespace espalier::pruning {

// * and ? as in file names.
bool name_matches(const std::string& name, const std::string& pattern);

// Throws Error (usage) when a pattern matches none of the names: it was mistyped, or meant another model.
// `what`: they name.
void refuse_idle_patterns(const std::vector<std::string>& patterns, const std::vector<std::string>& names,
                          std::string_view where, std::string_view what = "weight");

// The weights (no biases, no normalisation) whose names match a pattern of `include` and none of `exclude`; *
// and ? as in file names. Throws Error (usage) when a pattern matches no weight, or they leave none.
std::vector<nn::Parameter*> select_targets(std::span<nn::Parameter* const> parameters,
                                           const std::vector<std::string>& include,
                                           const std::vector<std::string>& exclude);

}  // namespace espalier::pruning
