#include "pruning/policies/exchange.h"

#include <algorithm>
#include <vector>

#include "pruning/criteria/magnitude.h"
#include "pruning/selection.h"

namespace espalier::pruning {

std::int64_t exchange_units(nn::Parameter& parameter, const Granularity& granularity,
                            const Tensor& growth_scores, double share) {
  if (parameter.mask.dense()) return 0;
  const Shape& shape = parameter.value.shape();
  const std::int64_t units = granularity.unit_count(shape), weights_per_unit = shape.numel() / units;
  std::vector<std::uint8_t> alive(static_cast<std::size_t>(units)), keep = alive, outside = alive,
                                                                    grow = alive;
  granularity.units_alive(parameter.mask, alive);
  const std::int64_t living = std::count(alive.begin(), alive.end(), std::uint8_t{1});
  const auto dropped = static_cast<std::int64_t>(share * static_cast<double>(living));

  const Tensor worth = granularity.unit_scores(Magnitude().scores(parameter), parameter.mask);
  Units dropping{.scores = {worth.data(), alive.size()},
                 .alive = alive,
                 .weights_per_unit = weights_per_unit,
                 .at_least = 0,
                 .keep = keep};
  select_units({&dropping, 1}, (units - living + dropped) * weights_per_unit);
  for (std::size_t u = 0; u < alive.size(); ++u) outside[u] = keep[u] == 0 ? 1 : 0;
  // As many grow as were dropped: of what is outside, all others are the least.
  const Tensor growth = granularity.unit_scores(growth_scores, parameter.mask);
  Units growing{.scores = {growth.data(), outside.size()},
                .alive = outside,
                .weights_per_unit = weights_per_unit,
                .at_least = 0,
                .keep = grow};
  select_units({&growing, 1}, (units - dropped) * weights_per_unit);

  std::int64_t grown = 0;  // but what was dropped and grows again
  for (std::size_t u = 0; u < alive.size(); ++u) {
    keep[u] |= grow[u] & alive[u];
    grow[u] &= alive[u] ^ 1;
    grown += grow[u];
  }
  granularity.clear_units(keep, parameter.mask);
  granularity.set_units(grow, parameter.mask);
  return grown * weights_per_unit;
}

}  // namespace espalier::pruning
