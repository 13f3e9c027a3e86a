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
  std::vector<std::uint8_t> alive(static_cast<std::size_t>(units)), dead = alive, keep = alive, grow = alive;
  granularity.units_alive(parameter.mask, alive);
  for (std::size_t u = 0; u < alive.size(); ++u) dead[u] = alive[u] == 0 ? 1 : 0;
  const std::int64_t living = std::count(alive.begin(), alive.end(), std::uint8_t{1});
  const std::int64_t moved =
      std::min(units - living, static_cast<std::int64_t>(share * static_cast<double>(living)));

  const Tensor worth = granularity.unit_scores(Magnitude().scores(parameter), parameter.mask);
  Units dropping{.scores = {worth.data(), alive.size()},
                 .alive = alive,
                 .weights_per_unit = weights_per_unit,
                 .at_least = 0,
                 .keep = keep};
  select_units({&dropping, 1}, (units - living + moved) * weights_per_unit);
  // Of the dead, all but `moved` are the least, and stay so.
  const Tensor growth = granularity.unit_scores(growth_scores, parameter.mask);
  Units growing{.scores = {growth.data(), dead.size()},
                .alive = dead,
                .weights_per_unit = weights_per_unit,
                .at_least = 0,
                .keep = grow};
  select_units({&growing, 1}, (units - moved) * weights_per_unit);

  granularity.clear_units(keep, parameter.mask);
  granularity.set_units(grow, parameter.mask);
  return moved * weights_per_unit;
}

}  // namespace espalier::pruning
