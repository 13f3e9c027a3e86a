// Which units go: the lowest-scoring ones, as many as fit into a budget of weights.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace espalier::pruning {

// The units of one layer.
struct Units {
  std::span<const float> scores;        // [units], finite
  std::span<const std::uint8_t> alive;  // [units], 0: pruned before, and stays so
  std::int64_t weights_per_unit = 1;
  std::int64_t at_least = 0;     // the layer's best alive units that no budget touches
  std::span<std::uint8_t> keep;  // [units], result: 1 kept, 0 pruned
};

// Prunes, over all layers together, the lowest-scoring units until the next one would exceed `budget` pruned
// weights (those pruned before count). Equal scores go in order of layer and position, so the result is one
// and the same on every machine. Linear in the number of units: two histograms over the bits of the scores
// find the threshold. Returns how many units of each layer `at_least` has saved from being pruned.
std::vector<std::int64_t> select_units(std::span<Units> layers, std::int64_t budget);

}  // namespace espalier::pruning
