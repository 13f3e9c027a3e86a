#include "datasets/permutation.h"

#include <limits>
#include <numeric>
#include <utility>

#include "framework/core/error.h"
#include "framework/core/random.h"

namespace espalier::datasets {

std::vector<std::int64_t> random_permutation(std::int64_t size, std::uint64_t seed, std::string_view purpose,
                                             std::uint64_t counter) {
  check(size >= 0 && size <= std::numeric_limits<std::uint32_t>::max(), "permutation",
        "a permutation of {} elements", size);
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  Random random(seed, purpose, counter);
  for (std::size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[random.below(static_cast<std::uint32_t>(left))]);
  }
  return order;
}

}  // namespace espalier::datasets
