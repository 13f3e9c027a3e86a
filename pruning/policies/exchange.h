// A layer gives up its smallest units and grows as many elsewhere: what regrowth does to a mask.
#pragma once

#include <cstdint>

#include "framework/nn/parameter.h"
#include "pruning/granularity/granularity.h"

namespace espalier::pruning {

// Of the living units `share` go, by magnitude; as many of the dead come back, those of the highest
// `growth_scores` (one a weight, of the parameter's shape). Returns how many weights moved.
std::int64_t exchange_units(nn::Parameter& parameter, const Granularity& granularity,
                            const Tensor& growth_scores, double share);

}  // namespace espalier::pruning
