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

#include "kernels/base/parallel.h"
#include "kernels/base/scratch.h"
#include "kernels/tiles/block.h"
#include "kernels/tiles/gather_copy.h"

namespace espalier::kernels {
namespace {

// What a block of sums becomes: up to two tiles of output channels of up to four pixels.
struct TileOutputs {
  int rows, pixels;
  int m0;           // the first channel
  Bf16* to[4];      // the pixels' first channels
  bool accumulate;  // to what is there

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
  const auto total = [&](const float* sum, int m, const Bf16* at) {
    const Vec here = bias == nullptr ? load(sum) : load(sum) + broadcast(bias[m]);
    return out.accumulate ? here + load(at) : here;
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
          store_neighbours(reinterpret_cast<Pair*>(at), total(sum, m0 + m, at),
                           total(sum + kTileFloats, m0 + m, at + kLanes));
        }
      } else if (p.out.channel == kLanes) {
        for (; m + 1 < channels; m += 2, at += 2 * kLanes, sum += 2 * kTileSide) {
          store_neighbours(reinterpret_cast<Pair*>(at), total(sum, m0 + m, at),
                           total(sum + kTileSide, m0 + m + 1, at + kLanes));
        }
      }
      for (; m < channels; ++m, at += p.out.channel, sum += kTileSide) {
        store_neighbours(reinterpret_cast<Pair*>(at), total(sum, m0 + m, at));
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
      for (int group = 0; group < w.groups; ++group) {
        const int row = h.tap + i * h.tap_step, tile = row * p.row_groups + w.first_group + group;
        const std::int64_t place = i * h.in_tap * width + TapGroup(w, p.beside, group).place(w);
        steps[count++] = {static_cast<std::int32_t>((depth * p.tap_groups() + tile) * kTileElements),
                          static_cast<std::int32_t>(place * p.pixel + depth * p.place)};
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
      const Bf16* from = copied + image * p.image + place * p.pixel;
      Bf16* to = out + image * p.out.image + (h.first + h.step * row) * p.out.row + w.first * p.out.column;
      for (int column = 0; column < pixels.columns; ++column) {
        group.from[group.count] = from + w.in_step * column * p.pixel;
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
                         int block_end, const TileStep* steps, int phase_steps, const float* bias,
                         bool accumulate) {
  alignas(64) float sums[2 * kTilePixels * kTileFloats];  // [blocks of pixels][rows][pixels]
  const std::int64_t a_block = std::int64_t{p.depth} * p.tap_groups() * kTileElements;
  TileBlock block;
  block.steps = steps;
  block.c_column = kTileFloats;
  for (int m = block_begin; m < block_end; m += 2) {
    TileOutputs out;
    out.accumulate = accumulate;
    out.rows = block_end - m < 2 ? 1 : 2;
    out.m0 = m * kTileSide;
    const int widest = max_tile_columns(out.rows);
    for (int depth = 0; depth < p.depth; depth += p.slice) {
      const bool last = depth + p.slice >= p.depth;
      block.step_count = (last ? p.depth - depth : p.slice) * phase_steps;
      block.accumulate = depth > 0;
      for (int i = 0; i < out.rows; ++i) {
        block.a[i] = packed + (m + i) * a_block + std::int64_t{depth} * p.tap_groups() * kTileElements;
      }
      for (int first = 0; first < group.count; first += widest) {
        out.pixels = group.count - first < widest ? group.count - first : widest;
        for (int j = 0; j < out.pixels; ++j) {
          block.b[j] = group.from[first + j] + depth * p.place;
          out.to[j] = group.to[first + j];
        }
        // Sums that need not rest all use the same few lines.
        block.c = p.depth <= p.slice ? sums : sums + first * out.rows * kTileFloats;
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
  s.steps = scratch.take<TileStep>(std::int64_t{num_threads()} * p.slice * p.tap_groups());
  s.copied = scratch.take<Bf16>(num_threads() * p.together * p.image);
  return s;
}

// out is overwritten, or added to.
inline void gather_on_tiles(const TileGather& p, const Bf16* in, const float* weights, const float* bias,
                            bool accumulate, Bf16* out, void* memory) {
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
    TileStep* steps = scratch.steps + std::int64_t{thread_index()} * p.slice * p.tap_groups();
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
        if (accumulate && rows.taps * columns.taps == 0) continue;
        const TilePixels pixels = {&rows, &columns, rows.index(row_begin), rows.index(row_end),
                                   columns.index(p.out.columns)};
        tile_steps(p, rows, columns, steps);
        each_group(p, pixels, images, places.begin, copied, to, [&](const PixelGroup& group) {
          gather_group(p, group, scratch.packed, block_begin, block_end, steps, rows.taps * columns.groups,
                       bias, accumulate);
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
