// What fixed tables of break-evens have in common, here and in kernels/splinear.
#pragma once

#include <cstdint>

#include "kernels/base/element.h"

namespace espalier::kernels {

// The lowest break-even that `espalier bench sparse` found among the layers of a network, less a tenth so that
// a choice near it is never much the slower one (README.md).
struct BreakEven {
  double single, block;

  double of(int block_size) const { return block_size == 1 ? single : block; }
  double of(int block_size, Element element) const {
    // Dense products of bf16 are faster than f32's, sparse ones are f32's: a guess.
    constexpr double kOfBf16 = 0.6;
    return of(block_size) * (element == Element::bf16 ? kOfBf16 : 1.0);
  }
};

// Subtiles cover so many places; what lies beyond them is computed for nothing.
inline double used_fraction(std::int64_t places, int subtile) {
  const std::int64_t computed = (places + subtile - 1) / subtile * subtile;
  return static_cast<double>(places) / static_cast<double>(computed);
}

}  // namespace espalier::kernels
