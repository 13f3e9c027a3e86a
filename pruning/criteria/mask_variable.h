// A variable xi = 1 that multiplies what a structure gives: a head, a neuron, a channel, a branch. Removing
// the structure sets it to 0.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/nn/parameter.h"

namespace espalier::pruning {

// The weights that it could as well multiply, since what follows is linear: columns of the weights that read
// the structure; of a branch all of its last layer.
struct Multiplied {
  const nn::Parameter* parameter = nullptr;
  std::vector<std::int64_t> positions;  // along the second dimension of a weight, the only one of a vector
};

using MaskVariable = std::vector<Multiplied>;

}  // namespace espalier::pruning
