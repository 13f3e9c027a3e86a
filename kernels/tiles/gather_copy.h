// What forward and backward data (gather.h) multiply, as tiles: the weights, and strips of the input.
#pragma once

#include "kernels/base/ahead.h"
#include "kernels/base/pairs.h"
#include "kernels/base/parallel.h"
#include "kernels/tiles/gather_plan.h"

namespace espalier::kernels {
namespace {

// Lane i = from[i * stride] for i < count; zero after.
ESPALIER_INLINE Vec gather_lanes(const float* from, std::int64_t stride, int count) {
#if defined(__AVX512F__) && !defined(ESPALIER_VEC_PORTABLE)
  if (stride < (1 << 24)) {
    const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i at = _mm512_mullo_epi32(lane, _mm512_set1_epi32(static_cast<int>(stride)));
    return {_mm512_mask_i32gather_ps(_mm512_setzero_ps(), first_lanes(count), at, from, 4)};
  }
#endif
  alignas(64) float lanes[16] = {};
  for (int i = 0; i < count; ++i) lanes[i] = from[i * stride];
  return load(lanes);
}

// packed[block][depth][row of taps][group of taps]: a tile of rows of 16 pairs, those of a tap's input
// channels after those of another's.
inline void pack_tiles(const TileGather& p, const float* weights, Bf16* packed) {
  const int side = kTileSide / p.beside;  // pairs of a tap
  parallel_for(p.blocks, [&](std::int64_t block) {
    const int m0 = static_cast<int>(block) * kTileSide;
    Bf16* to = packed + block * p.depth * p.tap_groups() * kTileElements;
    const auto pack_group = [&](int c, int row, const TilePhase& phase, int group) {
      const TapGroup taps(phase, p.beside, group);
      const int channels = p.channels - c < kTileDepth ? p.channels - c : kTileDepth;
      for (int m = 0; m < kTileSide; ++m, to += kTileDepth) {
        for (int i = 0; i < p.beside; ++i) {
          const int tap = taps.tap(phase, i);
          const bool there = m0 + m < p.out.channels && tap >= 0;
          const float* from =
              there ? weights + (m0 + m) * p.m_stride + c * p.c_stride + row * p.KW + tap : weights;
          const Vec even = gather_lanes(from, 2 * p.c_stride, there ? (channels + 1) / 2 : 0);
          const Vec odd =
              gather_lanes(from + (there ? p.c_stride : 0), 2 * p.c_stride, there ? channels / 2 : 0);
          const Pairs pairs = round_to_pairs(even, odd);
          if (p.beside == 1) {
            store_pairs(reinterpret_cast<Pair*>(to), pairs);
          } else {
            Pair of_tap[kTileSide];
            store_pairs(of_tap, pairs);
            __builtin_memcpy(to + i * 2 * side, of_tap, static_cast<std::size_t>(side) * sizeof(Pair));
          }
        }
      }
    };
    for (int c = 0; c < p.channels; c += kTileDepth) {
      for (int row = 0; row < p.KH; ++row) {
        for (int w = 0; w < p.w.phase_count; ++w) {
          const TilePhase& phase = p.w.phases[w];
          for (int group = 0; group < phase.groups; ++group) pack_group(c, row, phase, group);
        }
      }
    }
  });
}

// The rows that a strip sees of one image: [tile of channels][row][column][pair of channels][16], zeros where
// they leave the plane.
inline void copy_strip(const TileGather& p, const Bf16* in, TileRange rows, Bf16* to) {
  constexpr int kColumns = 8;  // so many tiles are filled together
  alignas(64) static constexpr Bf16 kNone[kLanes] = {};
  const Pairs none = zip(kNone, kNone);
  const std::int64_t width = p.columns.end - p.columns.begin, line_elements = width * p.pixel;
  const int pairs = p.depth * kTileSide / p.beside;
  // A row is one token, whose channels lie in pairs already.
  const bool token = p.in.channel == kLanes && p.in.channels % kTileDepth == 0 && p.in.columns == 1 &&
                     width == 1 && p.columns.begin == 0 && p.w.base == 0;
  for (int z = rows.begin; z < rows.end; ++z, to += line_elements) {
    const int row = p.h.base + p.h.sample * z;
    const bool row_inside = row >= 0 && row < p.in.rows;
    const Bf16* line = in + row * p.in.row;
    if (token && row_inside) {
      for (int pair = 0; pair < pairs; ++pair) {
        Bf16* tile = to + pair / kTileSide * p.place;
        store_pairs(reinterpret_cast<Pair*>(tile + pair % kTileSide * kTileDepth),
                    zip_neighbours(line + 2 * pair * kLanes));
      }
      continue;
    }
    for (int first = 0; first < width; first += kColumns) {
      const int end = first + kColumns < width ? first + kColumns : static_cast<int>(width);
      for (int pair = 0; pair < pairs; ++pair) {
        const int c = 2 * pair;
        const Bf16* even = row_inside && c < p.in.channels ? line + c * p.in.channel : nullptr;
        const Bf16* odd = c + 1 < p.in.channels ? line + (c + 1) * p.in.channel : nullptr;
        Bf16* tiles = to + pair / kTileSide * p.place + pair % kTileSide * kTileDepth;
        for (int column = first; column < end; ++column) {
          const int x = p.w.base + p.w.sample * (p.columns.begin + column);
          const std::int64_t at = x * p.in.column;
          const bool inside = even != nullptr && x >= 0 && x < p.in.columns;
          if (inside && odd != nullptr) {
            prefetch_ahead(even + at);
            prefetch_ahead(odd + at);
          }
          store_pairs(reinterpret_cast<Pair*>(tiles + column * p.pixel),
                      inside ? zip(even + at, odd != nullptr ? odd + at : kNone) : none);
        }
      }
    }
  }
  for (std::int64_t i = 0; i < (p.beside - 1) * p.pixel; i += kTileDepth) {
    store_pairs(reinterpret_cast<Pair*>(to + i), none);
  }
}

// The same of a convolution that is unfolded: a row for each output row.
inline void copy_unfolded(const TileGather& p, const Bf16* in, TileRange rows, Bf16* to) {
  alignas(64) static constexpr Bf16 kNone[kLanes] = {};
  const TileShape& s = p.shape;
  // What a channel sees in an output row: columns [begin, end) of it lie in the plane.
  struct Seen {
    const Bf16* line;
    int begin, end;
  };
  const auto seen = [&](int channel, int row) -> Seen {
    const int tap = channel % s.taps(), y = row * s.SH - s.PH + tap / s.KW, x = tap % s.KW - s.PW;
    if (channel >= p.channels || y < 0 || y >= p.in.rows) return {kNone, 0, 0};
    const int begin = -floor_divide(x, s.SW), end = floor_divide(p.in.columns - 1 - x, s.SW) + 1;
    const Bf16* plane = in + channel / s.taps() * p.in.channel;
    return {plane + y * p.in.row + x * p.in.column, begin > 0 ? begin : 0, end};
  };
  for (int row = rows.begin; row < rows.end; ++row, to += std::int64_t{p.out.columns} * kTileElements) {
    for (int pair = 0; pair < p.depth * kTileSide; ++pair) {
      const Seen even = seen(2 * pair, row), odd = seen(2 * pair + 1, row);
      Bf16* tiles = to + pair / kTileSide * p.place + pair % kTileSide * kTileDepth;
      for (int column = 0; column < p.out.columns; ++column, tiles += kTileElements) {
        const auto at = [&](const Seen& channel) {
          const bool inside = column >= channel.begin && column < channel.end;
          return inside ? channel.line + std::int64_t{column} * s.SW * p.in.column : kNone;
        };
        store_pairs(reinterpret_cast<Pair*>(tiles), zip(at(even), at(odd)));
      }
    }
  }
}

}  // namespace
}  // namespace espalier::kernels
