// Matrix tiles: eight registers of 16 rows of 64 bytes, and one instruction that multiplies two of them (AMX,
// Intel's CPUs from Sapphire Rapids on).
//
//   C[m][n] += sum over k < 32 of  A[m][k] * B[k / 2][n][k % 2]        m, n < 16;  A, B bf16, C f32
//
// 16384 operations in 16 cycles, sixteen times what the core's multiply-adds of f32 reach. A lane of B is an
// image, as in every vector: a row holds two channels of 16 images, the pairs of kernels/base/pairs.h.
//
// Tiles are always whole here: what has fewer rows or channels is copied with zeros. Where the compiler does
// not know the instructions the same functions compute in plain loops, for the tests.
#pragma once

#include "kernels/base/element.h"
#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

inline constexpr int kTileSide = 16;       // rows, and columns of f32
inline constexpr int kTileDepth = 32;      // bf16 in a row: what one product sums over
inline constexpr int kTileElements = 512;  // bf16
inline constexpr int kTileFloats = 256;

#if defined(__AMX_BF16__)

// Tiles can be used while one of these lives; it belongs to its thread.
class TileScope {
 public:
  TileScope() {
    struct alignas(64) Configuration {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    };
    static constexpr Configuration whole;
    asm volatile("ldtilecfg %0" : : "m"(whole));
  }
  // The registers are switched with the thread until they are given back.
  ~TileScope() { asm volatile("tilerelease"); }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;
};

// The intrinsics take no template parameters for the number of a tile.
template <int tile>
ESPALIER_INLINE void tile_zero() {
  asm volatile("tilezero %%tmm%c0" : : "i"(tile));
}
template <int tile>
ESPALIER_INLINE void tile_load(const void* from) {
  asm volatile("tileloadd (%1,%2,1), %%tmm%c0" : : "i"(tile), "r"(from), "r"(std::int64_t{64}) : "memory");
}
template <int tile>
ESPALIER_INLINE void tile_store(void* to) {
  asm volatile("tilestored %%tmm%c0, (%1,%2,1)" : : "i"(tile), "r"(to), "r"(std::int64_t{64}) : "memory");
}
template <int c, int a, int b>
ESPALIER_INLINE void tile_multiply_add() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(c), "i"(a), "i"(b));
}

#else

struct TileScope {
  TileScope() {}
};

inline thread_local float tile_floats[8][kTileFloats];
inline thread_local Bf16 tile_halves[8][kTileElements];

template <int tile>
void tile_zero() {
  for (float& value : tile_floats[tile]) value = 0;
}
// A tile is loaded as what it is used for.
template <int tile>
void tile_load(const void* from) {
  __builtin_memcpy(tile_floats[tile], from, sizeof tile_floats[tile]);
  __builtin_memcpy(tile_halves[tile], from, sizeof tile_halves[tile]);
}
template <int tile>
void tile_store(void* to) {
  __builtin_memcpy(to, tile_floats[tile], sizeof tile_floats[tile]);
}
template <int c, int a, int b>
void tile_multiply_add() {
  for (int m = 0; m < kTileSide; ++m) {
    for (int n = 0; n < kTileSide; ++n) {
      float sum = tile_floats[c][m * kTileSide + n];
      for (int k = 0; k < kTileDepth; ++k) {
        sum += widen(tile_halves[a][m * kTileDepth + k]) *
               widen(tile_halves[b][k / 2 * kTileDepth + 2 * n + k % 2]);
      }
      tile_floats[c][m * kTileSide + n] = sum;
    }
  }
}

#endif

}  // namespace
}  // namespace espalier::kernels
