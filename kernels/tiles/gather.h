// Forward and backward data on tiles. Both gather (kernels/conv2d/direct_gather.h):
//
//   out[m] = bias[m] + sum over c, taps of  weight[m, c, tap] * in[c][pixel + tap's offset]
//
// A, the weights, is 16 output channels x 32 input channels of a tap, packed once a call. B is a pixel: 32
// input channels of 16 images. A strip of the input is copied with its channels in pairs and zeros around the
// plane; then any pixel of any tap is a tile as it lies, and no border needs a case. A copied tile serves all
// taps and all output channels.
//
// Of few channels, as in a network's stem, a tile would be mostly zeros. There each pair of channel and tap
// is a channel of its own, copied from where it is seen: 27 for three channels and 3x3 taps, a tile and a
// step.
//
// Four operands a step are more than L2 delivers at the pace of the products. So the sum goes in slices of
// input channels whose weights stay in the L1 cache while a few pixels pass, which share most of what their
// taps see; between slices the sums rest in memory, as f32.
#pragma once

#include "kernels/base/pairs.h"
#include "kernels/base/parallel.h"
#include "kernels/base/scratch.h"
#include "kernels/tiles/block.h"
#include "kernels/tiles/shape.h"

namespace espalier::kernels {
namespace {

// The copied strip shares the L2 cache with the weights that pass over it.
constexpr std::int64_t kTileStripBytes = 1024 * 1024;
// Channels times taps up to which they are unfolded.
constexpr int kUnfoldedChannels = 64;
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
    axis.phases[0] = {0, 1, kernel, 0, 1, -pad, stride, 1};
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
    axis.phases[r] = {first, stride, taps, r, stride, (first + pad - r) / stride, 1, -1};
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

struct TileGather {
  std::int64_t images;
  TileShape shape;
  TilePlanes in, out;
  bool unfolded;  // taps are channels: a convolution of 1x1
  int channels;   // summed over
  int taps, KW;
  std::int64_t m_stride, c_stride;  // of the weights
  int blocks, depth;                // tiles of the output's channels, and of the input's
  TileAxis h, w;
  TileRange columns;      // copied
  int rows;               // output rows of a strip
  int strips;             // of an image
  std::int64_t together;  // images of a task
  int parts;              // of the output channels, where there are few tasks
  int slice;              // tiles of input channels that are summed together
  std::int64_t place;     // elements of a tile of input channels of an image's copied strip
  std::int64_t image;     // elements of an image's copied strip
  std::int64_t strip_images;
};

inline std::int64_t packed_tile_elements(const TileGather& p) {
  return std::int64_t{p.blocks} * p.depth * p.taps * kTileElements;
}

inline TileGather plan_tile_gather(const TileShape& s, bool backward) {
  TileGather p;
  p.images = s.images;
  p.shape = s;
  p.in = backward ? s.dst : s.src;
  p.out = backward ? s.src : s.dst;
  p.unfolded = !backward && s.taps() > 1 && s.src.channels * s.taps() <= kUnfoldedChannels;
  p.channels = p.unfolded ? p.in.channels * s.taps() : p.in.channels;
  p.taps = p.unfolded ? 1 : s.taps();
  p.KW = p.unfolded ? 1 : s.KW;
  const std::int64_t oc = std::int64_t{s.src.channels} * s.taps();
  p.m_stride = backward ? p.taps : oc;
  p.c_stride = backward ? oc : p.taps;
  p.blocks = tiles_for(p.out.channels, kTileSide);
  p.depth = tiles_for(p.channels, kTileDepth);
  p.h = p.unfolded ? tile_axis(false, 1, 1, 0) : tile_axis(backward, s.KH, s.SH, s.PH);
  p.w = p.unfolded ? tile_axis(false, 1, 1, 0) : tile_axis(backward, s.KW, s.SW, s.PW);
  p.columns = places_seen(p.w, 0, p.out.columns);
  p.slice = p.taps < kTileSliceSteps ? kTileSliceSteps / p.taps : 1;
  const auto copied = [&](int rows) {
    // Rows in the middle, where a strip sees most.
    std::int64_t most = 0;
    for (int row = 0; row < p.out.rows; row += rows) {
      const TileRange seen = places_seen(p.h, row, row + rows < p.out.rows ? row + rows : p.out.rows);
      if (seen.end - seen.begin > most) most = seen.end - seen.begin;
    }
    return most * (p.columns.end - p.columns.begin) * kTileElements;
  };
  p.rows = p.out.rows;
  while (p.rows > 1 && copied(p.rows) * p.depth * static_cast<std::int64_t>(sizeof(Bf16)) > kTileStripBytes) {
    p.rows = (p.rows + 1) / 2;
  }
  p.strips = (p.out.rows + p.rows - 1) / p.rows;
  p.place = copied(p.rows);
  p.image = p.place * p.depth;
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

// packed[block][depth][tap]: a tile of rows of 16 pairs of input channels.
inline void pack_tiles(const TileGather& p, const float* weights, Bf16* packed) {
  parallel_for(p.blocks, [&](std::int64_t block) {
    const int m0 = static_cast<int>(block) * kTileSide;
    Bf16* to = packed + block * p.depth * p.taps * kTileElements;
    for (int c = 0; c < p.channels; c += kTileDepth) {
      const int channels = p.channels - c < kTileDepth ? p.channels - c : kTileDepth;
      for (int tap = 0; tap < p.taps; ++tap) {
        for (int m = 0; m < kTileSide; ++m, to += kTileDepth) {
          const bool there = m0 + m < p.out.channels;
          const float* from = there ? weights + (m0 + m) * p.m_stride + c * p.c_stride + tap : weights;
          const Vec even = gather_lanes(from, 2 * p.c_stride, there ? (channels + 1) / 2 : 0);
          const Vec odd =
              gather_lanes(from + (there ? p.c_stride : 0), 2 * p.c_stride, there ? channels / 2 : 0);
          store_pairs(reinterpret_cast<Pair*>(to), round_to_pairs(even, odd));
        }
      }
    }
  });
}

// The rows that a strip sees of one image: [tile of channels][row][column] tiles of pairs of channels, zeros
// where they leave the plane.
inline void copy_strip(const TileGather& p, const Bf16* in, TileRange rows, Bf16* to) {
  constexpr int kColumns = 8;  // so many tiles are filled together
  alignas(64) static constexpr Bf16 kNone[kLanes] = {};
  const Pairs none = zip(kNone, kNone);
  const std::int64_t width = p.columns.end - p.columns.begin, line_elements = width * kTileElements;
  // A row is one token, whose channels lie in pairs already.
  const bool token = p.in.channel == kLanes && p.in.channels % kTileDepth == 0 && p.in.columns == 1 &&
                     width == 1 && p.columns.begin == 0 && p.w.base == 0;
  for (int z = rows.begin; z < rows.end; ++z, to += line_elements) {
    const int row = p.h.base + p.h.sample * z;
    const bool row_inside = row >= 0 && row < p.in.rows;
    const Bf16* line = in + row * p.in.row;
    if (token && row_inside) {
      for (int pair = 0; pair < p.depth * kTileSide; ++pair) {
        Bf16* tile = to + pair / kTileSide * p.place;
        store_pairs(reinterpret_cast<Pair*>(tile + pair % kTileSide * kTileDepth),
                    zip_neighbours(line + 2 * pair * kLanes));
      }
      continue;
    }
    for (int first = 0; first < width; first += kColumns) {
      const int end = first + kColumns < width ? first + kColumns : static_cast<int>(width);
      for (int pair = 0; pair < p.depth * kTileSide; ++pair) {
        const int c = 2 * pair;
        const Bf16* even = row_inside && c < p.in.channels ? line + c * p.in.channel : nullptr;
        const Bf16* odd = c + 1 < p.in.channels ? line + (c + 1) * p.in.channel : nullptr;
        Bf16* tiles = to + pair / kTileSide * p.place + pair % kTileSide * kTileDepth;
        for (int column = first; column < end; ++column) {
          const int x = p.w.base + p.w.sample * (p.columns.begin + column);
          const std::int64_t at = x * p.in.column;
          const bool inside = even != nullptr && x >= 0 && x < p.in.columns;
          store_pairs(reinterpret_cast<Pair*>(tiles + column * kTileElements),
                      inside ? zip(even + at, odd != nullptr ? odd + at : kNone) : none);
        }
      }
    }
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

// What a block of sums becomes: up to two tiles of output channels of up to four pixels.
struct TileOutputs {
  int rows, pixels;
  int m0;       // the first channel
  Bf16* to[4];  // the pixels' first channels

  bool neighbours(int j) const { return j + 1 < pixels && to[j + 1] == to[j] + kLanes; }
};

// Asks for the lines that will be written.
inline void prefetch_outputs(const TileGather& p, const TileOutputs& out) {
  const int end =
      out.m0 + out.rows * kTileSide < p.out.channels ? out.m0 + out.rows * kTileSide : p.out.channels;
  for (int j = 0; j < out.pixels; j += out.neighbours(j) ? 2 : 1) {
    for (int m = out.m0; m < end; ++m) __builtin_prefetch(out.to[j] + m * p.out.channel, 1);
  }
}

// Rounds the sums, [rows][pixels] tiles, and writes them where their channels lie: two pixels that are
// neighbours are a line, and so are two channels of a token.
inline void finish_tiles(const TileGather& p, const float* sums, const float* bias, const TileOutputs& out) {
  const auto started = [&](const float* sum, int m) {
    return bias == nullptr ? load(sum) : load(sum) + broadcast(bias[m]);
  };
  int m0 = out.m0;
  for (int i = 0; i < out.rows; ++i, m0 += kTileSide, sums += out.pixels * kTileFloats) {
    const int channels = channels_from(p.out, m0);
    for (int j = 0; j < out.pixels; j += out.neighbours(j) ? 2 : 1) {
      Bf16* at = out.to[j] + m0 * p.out.channel;
      const float* sum = sums + j * kTileFloats;
      int m = 0;
      if (out.neighbours(j)) {
        for (; m < channels; ++m, at += p.out.channel, sum += kTileSide) {
          store_neighbours(reinterpret_cast<Pair*>(at), started(sum, m0 + m),
                           started(sum + kTileFloats, m0 + m));
        }
      } else if (p.out.channel == kLanes) {
        for (; m + 1 < channels; m += 2, at += 2 * kLanes, sum += 2 * kTileSide) {
          store_neighbours(reinterpret_cast<Pair*>(at), started(sum, m0 + m),
                           started(sum + kTileSide, m0 + m + 1));
        }
      }
      for (; m < channels; ++m, at += p.out.channel, sum += kTileSide) {
        store_neighbours(reinterpret_cast<Pair*>(at), started(sum, m0 + m));
      }
    }
  }
}

// Steps of a slice in a phase: for each tile of input channels its taps.
inline void tile_steps(const TileGather& p, const TilePhase& h, const TilePhase& w, TileStep* steps) {
  const std::int64_t width = p.columns.end - p.columns.begin;
  int count = 0;
  for (int depth = 0; depth < p.slice; ++depth) {
    for (int i = 0; i < h.taps; ++i) {
      for (int j = 0; j < w.taps; ++j) {
        const int tap = (h.tap + i * h.tap_step) * p.KW + w.tap + j * w.tap_step;
        const std::int64_t place = i * h.in_tap * width + j * w.in_tap;
        steps[count++] = {static_cast<std::int32_t>((depth * p.taps + tap) * kTileElements),
                          static_cast<std::int32_t>(place * kTileElements + depth * p.place)};
      }
    }
  }
}

// The pixels of one phase of rows and one of columns in a strip: where they lie in the copy, and their
// outputs.
struct TilePixels {
  const TilePhase *h, *w;
  int row_begin, row_end, columns;  // indices j
};

// A few pixels: their copies, and where their first channel goes.
struct PixelGroup {
  int count = 0;
  const Bf16* from[kTilePixels];
  Bf16* to[kTilePixels];
};

// Calls body(group) for all pixels, in groups.
template <class Body>
void each_group(const TileGather& p, const TilePixels& pixels, std::int64_t images, int first_place,
                const Bf16* copied, Bf16* out, const Body& body) {
  const TilePhase &h = *pixels.h, &w = *pixels.w;
  const std::int64_t width = p.columns.end - p.columns.begin;
  PixelGroup group;
  for (std::int64_t image = 0; image < images; ++image) {
    for (int row = pixels.row_begin; row < pixels.row_end; ++row) {
      const std::int64_t place = (h.in + h.in_step * row - first_place) * width + w.in - p.columns.begin;
      const Bf16* from = copied + image * p.image + place * kTileElements;
      Bf16* to = out + image * p.out.image + (h.first + h.step * row) * p.out.row + w.first * p.out.column;
      for (int column = 0; column < pixels.columns; ++column) {
        group.from[group.count] = from + w.in_step * column * kTileElements;
        group.to[group.count] = to + w.step * column * p.out.column;
        if (++group.count < kTilePixels) continue;
        body(group);
        group.count = 0;
      }
    }
  }
  if (group.count > 0) body(group);
}

// Output channels [block_begin, block_end), in tiles, of the pixels of a group.
inline void gather_group(const TileGather& p, const PixelGroup& group, const Bf16* packed, int block_begin,
                         int block_end, const TileStep* steps, int phase_taps, const float* bias) {
  alignas(64) float sums[2 * kTilePixels * kTileFloats];  // [blocks of pixels][rows][pixels]
  const std::int64_t a_block = std::int64_t{p.depth} * p.taps * kTileElements;
  TileBlock block;
  block.steps = steps;
  block.c_column = kTileFloats;
  for (int m = block_begin; m < block_end; m += 2) {
    TileOutputs out;
    out.rows = block_end - m < 2 ? 1 : 2;
    out.m0 = m * kTileSide;
    const int widest = max_tile_columns(out.rows);
    for (int depth = 0; depth < p.depth; depth += p.slice) {
      const bool last = depth + p.slice >= p.depth;
      block.step_count = (last ? p.depth - depth : p.slice) * phase_taps;
      block.accumulate = depth > 0;
      for (int i = 0; i < out.rows; ++i) {
        block.a[i] = packed + (m + i) * a_block + std::int64_t{depth} * p.taps * kTileElements;
      }
      for (int first = 0; first < group.count; first += widest) {
        out.pixels = group.count - first < widest ? group.count - first : widest;
        for (int j = 0; j < out.pixels; ++j) {
          block.b[j] = group.from[first + j] + depth * p.place;
          out.to[j] = group.to[first + j];
        }
        block.c = sums + first * out.rows * kTileFloats;
        block.c_row = out.pixels * kTileFloats;
        if (last) prefetch_outputs(p, out);
        multiply_tiles(out.rows, out.pixels, block);
        if (last) finish_tiles(p, block.c, bias, out);
      }
    }
  }
}

struct TileGatherScratch {
  Bf16* packed;
  TileStep* steps;  // [threads]
  Bf16* copied;     // [threads]
};

inline TileGatherScratch take_gather_scratch(const TileGather& p, ScratchLayout& scratch) {
  TileGatherScratch s;
  s.packed = scratch.take<Bf16>(packed_tile_elements(p));
  s.steps = scratch.take<TileStep>(std::int64_t{num_threads()} * p.slice * p.taps);
  s.copied = scratch.take<Bf16>(num_threads() * p.together * p.image);
  return s;
}

inline void gather_on_tiles(const TileGather& p, const Bf16* in, const float* weights, const float* bias,
                            Bf16* out, void* memory) {
  ScratchLayout layout(memory);
  const TileGatherScratch scratch = take_gather_scratch(p, layout);
  pack_tiles(p, weights, scratch.packed);
  parallel_for(p.strip_images * p.strips * p.parts, [&](std::int64_t task) {
    const TileScope tiles;
    const int part = static_cast<int>(task % p.parts), strip = static_cast<int>(task / p.parts % p.strips);
    const std::int64_t first = task / p.parts / p.strips * p.together;
    const std::int64_t images = p.images - first < p.together ? p.images - first : p.together;
    const int row_begin = strip * p.rows,
              row_end = row_begin + p.rows < p.out.rows ? row_begin + p.rows : p.out.rows;
    const int pairs = (p.blocks + 1) / 2, last = 2 * (pairs * (part + 1) / p.parts);
    const int block_begin = 2 * (pairs * part / p.parts), block_end = last < p.blocks ? last : p.blocks;
    TileStep* steps = scratch.steps + std::int64_t{thread_index()} * p.slice * p.taps;
    Bf16* copied = scratch.copied + thread_index() * p.together * p.image;
    const TileRange places = places_seen(p.h, row_begin, row_end);
    for (std::int64_t i = 0; i < images; ++i) {
      const auto copy = p.unfolded ? copy_unfolded : copy_strip;
      copy(p, in + (first + i) * p.in.image, places, copied + i * p.image);
    }
    Bf16* to = out + first * p.out.image;
    for (int h = 0; h < p.h.phase_count; ++h) {
      for (int w = 0; w < p.w.phase_count; ++w) {
        const TilePhase &rows = p.h.phases[h], &columns = p.w.phases[w];
        const TilePixels pixels = {&rows, &columns, rows.index(row_begin), rows.index(row_end),
                                   columns.index(p.out.columns)};
        tile_steps(p, rows, columns, steps);
        each_group(p, pixels, images, places.begin, copied, to, [&](const PixelGroup& group) {
          gather_group(p, group, scratch.packed, block_begin, block_end, steps, rows.taps * columns.taps,
                       bias);
        });
      }
    }
  });
}

inline std::size_t gather_on_tiles_scratch_bytes(const TileGather& p) {
  ScratchLayout scratch(nullptr);
  take_gather_scratch(p, scratch);
  return scratch.bytes();
}

}  // namespace
}  // namespace espalier::kernels
