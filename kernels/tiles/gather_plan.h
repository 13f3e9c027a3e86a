// How forward and backward data are cut (gather.h): which taps an output sees, and from which places of a
// copied strip; how large strips, slices and tasks are.
#pragma once

#include "kernels/tiles/shape.h"

namespace espalier::kernels {
namespace {

// The copied strip shares the L2 cache with the weights that pass over it.
constexpr std::int64_t kTileStripBytes = 1024 * 1024;
// Channels times taps up to which they are unfolded.
constexpr int kUnfoldedChannels = 64;
// Places of few channels that a tile may hold side by side.
constexpr int kMostBeside = 4;
// Steps of a slice, and pixels that pass over it.
constexpr int kTileSliceSteps = 9;
constexpr int kTilePixels = 32;
// Enough tasks to keep a few threads busy.
constexpr int kTileTasks = 8;
constexpr int kMostPhases = 8;

// Along one axis, outputs first + step * j: they see taps tap + tap_step * t at the copied places
// in + in_step * j + in_tap * t. Forward all outputs are one phase, backward each residue of the stride is.
struct TilePhase {
  int first, step;
  int taps, tap, tap_step;
  int in, in_step, in_tap;
  int groups, first_group;  // of taps that one step sums (TapGroup), in the packed order

  // The first j whose output is not below o.
  int index(int o) const { return o <= first ? 0 : (o - first + step - 1) / step; }
};

struct TileAxis {
  int phase_count;
  TilePhase phases[kMostPhases];
  int sample, base;  // the copied place z is the input's coordinate base + sample * z
};

inline bool tile_axis_fits(bool backward, int stride) { return !backward || stride <= kMostPhases; }

inline TileAxis tile_axis(bool backward, int kernel, int stride, int pad) {
  TileAxis axis = {};
  axis.sample = 1;
  if (!backward) {
    axis.phase_count = 1;
    axis.phases[0] = {0, 1, kernel, 0, 1, -pad, stride, 1, 0, 0};
    if (kernel == 1) {  // what the stride skips is not copied
      axis.sample = stride;
      axis.base = -pad;
      axis.phases[0].in = 0;
      axis.phases[0].in_step = 1;
    }
    return axis;
  }
  axis.phase_count = stride;
  for (int r = 0; r < stride; ++r) {
    const int first = (r + stride * pad - pad) % stride,
              taps = r < kernel ? (kernel - r + stride - 1) / stride : 0;
    axis.phases[r] = {first, stride, taps, r, stride, (first + pad - r) / stride, 1, -1, 0, 0};
  }
  return axis;
}

struct TileRange {
  int begin, end;
};

// The copied places that outputs [begin, end) see.
inline TileRange places_seen(const TileAxis& axis, int begin, int end) {
  TileRange seen = {1 << 30, -(1 << 30)};
  for (int i = 0; i < axis.phase_count; ++i) {
    const TilePhase& p = axis.phases[i];
    const int j0 = p.index(begin), j1 = p.index(end);
    if (p.taps == 0 || j0 >= j1) continue;
    const int across = (p.taps - 1) * p.in_tap;
    const int low = p.in + p.in_step * j0 + (across < 0 ? across : 0);
    const int high = p.in + p.in_step * (j1 - 1) + (across > 0 ? across : 0);
    if (low < seen.begin) seen.begin = low;
    if (high + 1 > seen.end) seen.end = high + 1;
  }
  return seen.begin < seen.end ? seen : TileRange{0, 0};
}

// Taps that one step sums: a tile holds `beside` places of a row, and each tap sees the one beside its
// neighbour's. The tile begins at the lowest of them; where taps are fewer, what follows is multiplied by
// zeros.
struct TapGroup {
  int begin, end;  // t

  TapGroup(const TilePhase& p, int beside, int group)
      : begin(group * beside), end(begin + beside < p.taps ? begin + beside : p.taps) {}
  // Places from the first tap's to the tile's.
  int place(const TilePhase& p) const { return p.in_tap > 0 ? begin : p.in_tap * (end - 1); }
  // The tap that sees the i-th place of the tile; -1: none.
  int tap(const TilePhase& p, int i) const {
    const int t = p.in_tap > 0 ? begin + i : end - 1 - i;
    return t >= begin && t < end ? p.tap + t * p.tap_step : -1;
  }
};

struct TileGather {
  std::int64_t images;
  TileShape shape;
  TilePlanes in, out;
  bool unfolded;  // taps are channels: a convolution of 1x1
  int channels;   // summed over
  int KH, KW;
  std::int64_t m_stride, c_stride;  // of the weights
  int beside;                       // copied places in a tile
  int row_groups;                   // of taps, in a row of them
  int blocks, depth;                // tiles of the output's channels, and of the input's
  TileAxis h, w;
  TileRange columns;      // copied
  int rows;               // output rows of a strip
  int strips;             // of an image
  std::int64_t together;  // images of a task
  int parts;              // of the output channels, where there are few tasks
  int slice;              // tiles of input channels that are summed together
  std::int64_t pixel;     // elements of a copied place, of a tile of input channels
  std::int64_t place;     // elements of a tile of input channels of an image's copied strip
  std::int64_t image;     // elements of an image's copied strip
  std::int64_t strip_images;

  int tap_groups() const { return KH * row_groups; }
};

// How many places of so many channels fill a tile, if a row has as many taps.
inline int places_beside(int channels, int KW) {
  int beside = 1;
  while (beside < kMostBeside && beside < KW && 2 * beside * channels <= kTileDepth) beside *= 2;
  return beside;
}

inline std::int64_t packed_tile_elements(const TileGather& p) {
  return std::int64_t{p.blocks} * p.depth * p.tap_groups() * kTileElements;
}

inline TileGather plan_tile_gather(const TileShape& s, bool backward) {
  TileGather p;
  p.images = s.images;
  p.shape = s;
  p.in = backward ? s.dst : s.src;
  p.out = backward ? s.src : s.dst;
  p.unfolded = !backward && s.taps() > 1 && s.src.channels * s.taps() <= kUnfoldedChannels;
  p.channels = p.unfolded ? p.in.channels * s.taps() : p.in.channels;
  p.KH = p.unfolded ? 1 : s.KH;
  p.KW = p.unfolded ? 1 : s.KW;
  const std::int64_t oc = std::int64_t{s.src.channels} * s.taps(), taps = std::int64_t{p.KH} * p.KW;
  p.m_stride = backward ? taps : oc;
  p.c_stride = backward ? oc : taps;
  p.blocks = tiles_for(p.out.channels, kTileSide);
  p.depth = tiles_for(p.channels, kTileDepth);
  p.h = p.unfolded ? tile_axis(false, 1, 1, 0) : tile_axis(backward, s.KH, s.SH, s.PH);
  p.w = p.unfolded ? tile_axis(false, 1, 1, 0) : tile_axis(backward, s.KW, s.SW, s.PW);
  p.beside = places_beside(p.channels, p.KW);
  p.pixel = kTileElements / p.beside;
  p.row_groups = 0;
  for (int i = 0; i < p.w.phase_count; ++i) {
    TilePhase& phase = p.w.phases[i];
    phase.first_group = p.row_groups;
    phase.groups = (phase.taps + p.beside - 1) / p.beside;
    p.row_groups += phase.groups;
  }
  p.columns = places_seen(p.w, 0, p.out.columns);
  p.slice = p.tap_groups() < kTileSliceSteps ? kTileSliceSteps / p.tap_groups() : 1;
  const auto copied = [&](int rows) {
    // Rows in the middle, where a strip sees most.
    std::int64_t most = 0;
    for (int row = 0; row < p.out.rows; row += rows) {
      const TileRange seen = places_seen(p.h, row, row + rows < p.out.rows ? row + rows : p.out.rows);
      if (seen.end - seen.begin > most) most = seen.end - seen.begin;
    }
    return most * (p.columns.end - p.columns.begin) * p.pixel;
  };
  p.rows = p.out.rows;
  while (p.rows > 1 && copied(p.rows) * p.depth * static_cast<std::int64_t>(sizeof(Bf16)) > kTileStripBytes) {
    p.rows = (p.rows + 1) / 2;
  }
  p.strips = (p.out.rows + p.rows - 1) / p.rows;
  p.place = copied(p.rows);
  p.image = p.place * p.depth + (p.beside - 1) * p.pixel;  // a tile may begin at the last place
  p.together = 1;
  const std::int64_t weights = packed_tile_elements(p) * static_cast<std::int64_t>(sizeof(Bf16));
  if (p.strips == 1 && p.image > 0 &&
      weights > kTileStripBytes) {  // they come from beyond L2, for several images
    const std::int64_t fitting = kTileStripBytes / (p.image * static_cast<std::int64_t>(sizeof(Bf16))) + 1;
    p.together = fitting < 4 ? fitting : 4;
  }
  p.strip_images = (p.images + p.together - 1) / p.together;
  const std::int64_t tasks = p.strip_images * p.strips, wanted = (kTileTasks - 1) / tasks + 1;
  const int pairs = (p.blocks + 1) / 2;
  p.parts = static_cast<int>(wanted < pairs ? wanted : pairs);
  return p;
}

}  // namespace
}  // namespace espalier::kernels
