// The micro-kernel of tiles: a block of sums stays in registers over all steps.
//
//   c[i][j] = sum over steps s of  a[i][steps[s].a] * b[j][steps[s].b]       tiles; i < NA, j < NB
//
// Four sums, two operands of a side: four loads for four products. A load from the L1 cache takes half of a
// product's time, one from L2 all of it, so the operands may come from either.
#pragma once

#include "kernels/tiles/tiles.h"

namespace espalier::kernels {
namespace {

struct TileStep {
  std::int32_t a, b;  // elements from the operand's start
};

struct TileBlock {
  const Bf16* a[2];
  const Bf16* b[4];
  const TileStep* steps;
  int step_count;
  float* c;                      // [NA][NB] tiles
  std::int64_t c_row, c_column;  // floats from one to the next
  bool accumulate = false;       // add to what c holds
};

template <int value>
struct TileIndex {
  constexpr operator int() const { return value; }
};

// Registers 0 to 3 are sums. With two operands of A, 4 and 5 are those and 6 and 7 are of B; with one, it is
// 4, and B's take turns in 5 to 7.
template <int NA, int NB>
void multiply_tiles(const TileBlock& block) {
  static_assert(NA * NB <= 4 && NA <= 2 && (NA == 1 || NB <= 2));
  constexpr int kFirstB = 4 + NA, kCountB = 8 - kFirstB;
  const auto each_sum = [&](auto&& body) {
    body(TileIndex<0>{});
    if constexpr (NA * NB > 1) body(TileIndex<1>{});
    if constexpr (NA * NB > 2) body(TileIndex<2>{});
    if constexpr (NA * NB > 3) body(TileIndex<3>{});
  };
  const auto place = [&](int sum) { return block.c + sum / NB * block.c_row + sum % NB * block.c_column; };
  each_sum([&](auto sum) {
    if (block.accumulate) {
      tile_load<sum>(place(sum));
    } else {
      tile_zero<sum>();
    }
  });
  for (const TileStep *step = block.steps, *end = step + block.step_count; step != end; ++step) {
    tile_load<4>(block.a[0] + step->a);
    if constexpr (NA > 1) tile_load<5>(block.a[1] + step->a);
    each_sum([&](auto sum) {
      constexpr int i = sum / NB, j = sum % NB, b = kFirstB + j % kCountB;
      if constexpr (i == 0) tile_load<b>(block.b[j] + step->b);
      tile_multiply_add<sum, 4 + i, b>();
    });
  }
  each_sum([&](auto sum) { tile_store<sum>(place(sum)); });
}

// The most operands of B beside so many of A.
constexpr int max_tile_columns(int rows) { return rows == 1 ? 4 : 2; }

inline void multiply_tiles(int rows, int columns, const TileBlock& block) {
  using Kernel = void (*)(const TileBlock&);
  static constexpr Kernel kernels[2][4] = {
      {multiply_tiles<1, 1>, multiply_tiles<1, 2>, multiply_tiles<1, 3>, multiply_tiles<1, 4>},
      {multiply_tiles<2, 1>, multiply_tiles<2, 2>, nullptr, nullptr}};
  kernels[rows - 1][columns - 1](block);
}

}  // namespace
}  // namespace espalier::kernels
