// A layer gives up its smallest units and grows as many elsewhere: what regrowth does to a mask.
#pragma once

#include <cstdint>

#include "framework/nn/parameter.h"
#include "pruning/granularity/granularity.h"

namespace espalier::pruning {

// Of the living units `share` go, by magnitude; as many grow of all that are then outside, those of the
// highest `growth_scores` (one a weight, of the parameter's shape). A unit that goes and grows at once keeps
// its weights and moments: nothing happens to it. Returns how many weights grew that had not lived.
std::int64_t exchange_units(nn::Parameter& parameter, const Granularity& granularity,
                            const Tensor& growth_scores, double share);

}  // namespace espalier::pruning
