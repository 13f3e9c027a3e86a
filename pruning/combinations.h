// Parts that make no sense together, and why. The pruner refuses them; `espalier methods` lists them.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/tensor/shape.h"

namespace espalier::pruning {

class Pruner;
struct PrunerSettings;

struct Combination {
  const char* parts;   // "a criterion of whole filters, with a granularity that divides them"
  const char* reason;  // and what to do instead
  // `shape` is that of a weight to be pruned, `total_steps` the length of the stage.
  bool (*found)(const PrunerSettings& settings, const Shape& shape, std::int64_t total_steps);
};

const std::vector<Combination>& senseless_combinations();

// Throws Error (usage) that names the parts and the reason.
void refuse_senseless(const PrunerSettings& settings, const Shape& shape, std::int64_t total_steps);
// Two pruners of one stage. Throws Error (usage) when one gives back weights that the other may have taken.
void refuse_rivals(const Pruner& a, const Pruner& b);

}  // namespace espalier::pruning
