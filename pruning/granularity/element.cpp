#include "pruning/granularity/element.h"

#include <algorithm>

namespace espalier::pruning {

void Element::clear_units(std::span<const std::uint8_t> keep, Mask& mask) const {
  std::uint8_t* bytes = mask.data();
  for (std::size_t i = 0; i < keep.size(); ++i) bytes[i] &= keep[i];
}

void Element::units_alive(const Mask& mask, std::span<std::uint8_t> alive) const {
  std::copy_n(mask.data(), alive.size(), alive.begin());
}

}  // namespace espalier::pruning
