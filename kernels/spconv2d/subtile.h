// What the registers hold while a list of kept weights runs: the sums of a subtile of the output. How large it
// is depends on the ISA, and what an output's edge cuts off of one is computed for nothing.
#pragma once

#include "kernels/base/isa.h"

namespace espalier::kernels {
namespace {

struct Subtile {
  int rows, columns;
};

// Sums of `block` output channels x these places: 16 of AVX-512's 32 registers; AVX2 and NEON have room for 4
// vectors of 16 lanes. The places are a square of a plane.
constexpr Subtile square_subtile(Isa isa, int block) {
  const int side = isa == Isa::avx512 ? (block == 1 ? 4 : 2) : isa == Isa::portable || block > 1 ? 1 : 2;
  return {side, side};
}

// As many places in a row, where there is no plane: tokens.
constexpr Subtile row_subtile(Isa isa, int block) {
  const Subtile square = square_subtile(isa, block);
  return {1, square.rows * square.columns};
}

// Backward weights of blocks has their sixteen dot products in registers and nothing else, and the more places
// these sum over the less it costs to add up their lanes: up to sixteen, of an output with so many.
constexpr Subtile dot_product_subtile(int rows, int columns) {
  const int taken = rows < 4 ? rows : 4, wide = 16 / taken;
  return {taken, columns < wide ? columns : wide};
}

}  // namespace
}  // namespace espalier::kernels
