#include "pruning/granularity/weight_contender.h"

#include <algorithm>

namespace espalier::pruning {

void WeightContender::alive(std::span<std::uint8_t> alive) const {
  if (weight_.mask.dense()) {
    std::fill(alive.begin(), alive.end(), std::uint8_t{1});
  } else {
    granularity_.units_alive(weight_.mask, alive);
  }
}

void WeightContender::keep(std::span<const std::uint8_t> keep) {
  if (weight_.mask.dense()) weight_.mask = Mask::ones(shape());
  granularity_.clear_units(keep, weight_.mask);
}

}  // namespace espalier::pruning
