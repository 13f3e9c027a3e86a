// A ticket's mask in another network: found on one data set, seed or optimizer, trained on another. Morcos et
// al., "One ticket to win them all: generalizing lottery ticket initializations across datasets and
// optimizers", NeurIPS 2019.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "framework/nn/module.h"

namespace espalier::pruning {

// Gives the weights of `to` the masks that those of the same names have in `from`, and sets to 0 what they
// prune. Names that match a pattern of `exclude` keep their own: a classifier of other classes. Throws Error
// (usage) that names every pruned weight which `to` lacks or has in another shape; then nothing was changed.
//
// With a seed each mask is shuffled on the way (shuffle_masks_, rewind.h): a random ticket of the same
// densities, the control that says whether the places matter.
void transfer_masks_(nn::Module& to, nn::Module& from, const std::vector<std::string>& exclude,
                     std::optional<std::uint64_t> shuffle_seed = std::nullopt);

}  // namespace espalier::pruning
