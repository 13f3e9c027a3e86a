// Random orders that are a function of their key alone.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace espalier::datasets {

// 0 .. size-1 in a uniformly random order (Fisher-Yates) that depends on (seed, purpose, counter) only.
std::vector<std::int64_t> random_permutation(std::int64_t size, std::uint64_t seed, std::string_view purpose,
                                             std::uint64_t counter);

}  // namespace espalier::datasets
