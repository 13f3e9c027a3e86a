// Images continued beyond their edges by their own reflection.
#pragma once

#include <cstdint>

namespace espalier::datasets {

// The pixel that stands at position i of a line of `size` pixels mirrored at both ends, which are not
// repeated; i lies within one line of it.
inline std::int64_t reflected(std::int64_t i, std::int64_t size) {
  if (i < 0) return -i;
  return i < size ? i : 2 * (size - 1) - i;
}

}  // namespace espalier::datasets
