// Backward weights on tiles:
//
//   diff_weights[oc][ic][tap] = sum over images and positions of  diff_dst[oc][position] * src[ic][position +
//   tap]
//
// The sum runs over images and positions, so a step takes in two neighbouring positions of 16 images. A, the
// gradient, is 16 output channels x those 32, as they lie in memory: rows are copied together. B is the
// source of 16 input channels: of each pixel, two images at a time, transposed once for all taps and output
// channels. The pixels of a residue of the stride are neighbours in the copy, with zeros around the plane, so
// that a tap is a distance in it.
//
// A task owns a range of output channels and a fixed part of the images; parts are added in order.
#pragma once

#include "kernels/base/ahead.h"
#include "kernels/base/pairs.h"
#include "kernels/base/parallel.h"
#include "kernels/base/scratch.h"
#include "kernels/base/transpose.h"
#include "kernels/tiles/block.h"
#include "kernels/tiles/shape.h"

namespace espalier::kernels {
namespace {

inline constexpr int kRangeBlocks = 8;                       // tiles of output channels of a task
inline constexpr int kInputBlocks = 2;                       // tiles of input channels transposed together
inline constexpr std::int64_t kStripElements = 256 * 1024;   // of the gradient of a task's channels
inline constexpr std::int64_t kPartBytes = 8 * 1024 * 1024;  // of the sums of all parts
inline constexpr int kHalfTile = kTileElements / 2;          // a transposed pixel
inline constexpr int kMostKernel = 16;
inline constexpr int kColumnsAhead =
    8;  // fetched, for channels lie too far apart for the hardware to foresee them

// Which of the copied places a tap's positions are, along one axis.
struct TileTapAxis {
  int phase_count = 0;
  int residues[kMostKernel];                   // of the stride, that taps use
  int phase[kMostKernel], shift[kMostKernel];  // of a tap
  int least_shift = 0, most_shift = 0;
};

inline TileTapAxis tile_tap_axis(int kernel, int stride, int pad) {
  TileTapAxis axis;
  for (int k = 0; k < kernel; ++k) {
    const int shift = floor_divide(k - pad, stride), residue = k - pad - shift * stride;
    int phase = 0;
    while (phase < axis.phase_count && axis.residues[phase] != residue) ++phase;
    if (phase == axis.phase_count) axis.residues[axis.phase_count++] = residue;
    axis.phase[k] = phase;
    axis.shift[k] = shift;
    if (k == 0 || shift < axis.least_shift) axis.least_shift = shift;
    if (k == 0 || shift > axis.most_shift) axis.most_shift = shift;
  }
  return axis;
}

struct TileWeights {
  std::int64_t images;
  TilePlanes src, dst;
  int taps, KW, SH, SW;
  int oc_blocks, ic_blocks, range_blocks, ranges, parts;
  int pairs;              // of positions in a row
  int rows;               // of positions in a strip
  std::int64_t together;  // images in a strip
  TileTapAxis h, w;
  int height, width;                 // places copied of a phase
  std::int64_t phase, image, block;  // elements of a phase, an image, a tile of channels of the copy
  std::int64_t a_block;              // elements of a tile of channels of the copied gradient

  std::int64_t columns() const { return std::int64_t{ic_blocks} * taps; }
  std::int64_t part_floats() const { return oc_blocks * columns() * kTileFloats; }
  std::int64_t steps() const { return together * rows * pairs; }
};

inline bool tile_weights_fit(int KH, int KW) { return KH <= kMostKernel && KW <= kMostKernel; }

inline TileWeights plan_tile_weights(const TileShape& s) {
  TileWeights p;
  p.images = s.images;
  p.src = s.src;
  p.dst = s.dst;
  p.taps = s.taps();
  p.KW = s.KW;
  p.SH = s.SH;
  p.SW = s.SW;
  p.oc_blocks = tiles_for(s.dst.channels, kTileSide);
  p.ic_blocks = tiles_for(s.src.channels, kTileSide);
  p.range_blocks = p.taps == 1 ? 2 * kRangeBlocks : kRangeBlocks;
  p.ranges = (p.oc_blocks + p.range_blocks - 1) / p.range_blocks;
  const std::int64_t affordable = kPartBytes / (p.part_floats() * static_cast<std::int64_t>(sizeof(float)));
  const std::int64_t wanted = affordable < 8 ? affordable : 8;
  p.parts = static_cast<int>(wanted < 1 ? 1 : wanted < p.images ? wanted : p.images);

  p.pairs = (s.dst.columns + 1) / 2;
  const int range = p.oc_blocks < p.range_blocks ? p.oc_blocks : p.range_blocks;
  const std::int64_t row = std::int64_t{range} * p.pairs * kTileElements;
  const std::int64_t rows = kStripElements / row < 1 ? 1 : kStripElements / row;
  p.rows = static_cast<int>(rows < s.dst.rows ? rows : s.dst.rows);
  const std::int64_t part_images = (p.images + p.parts - 1) / p.parts;
  const std::int64_t fitting = p.rows < s.dst.rows ? 1 : rows / s.dst.rows;
  p.together = fitting < part_images ? fitting : part_images;

  p.h = tile_tap_axis(s.KH, s.SH, s.PH);
  p.w = tile_tap_axis(s.KW, s.SW, s.PW);
  p.height = p.rows + p.h.most_shift - p.h.least_shift;
  p.width = (2 * p.pairs + p.w.most_shift - p.w.least_shift + 1) / 2 * 2;
  p.phase = std::int64_t{p.height} * p.width * kHalfTile;
  p.image = p.h.phase_count * p.w.phase_count * p.phase;
  p.block = p.together * p.image;
  p.a_block = p.steps() * kTileElements;
  return p;
}

// 32 elements: of one place, and of the one beside it; zero where there is none.
ESPALIER_INLINE Pairs load_places(const Bf16* one, const Bf16* other) {
#if defined(__AVX512F__) && !defined(ESPALIER_VEC_PORTABLE)
  const auto half = [](const Bf16* p) {
    return p == nullptr ? _mm256_setzero_si256() : _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  };
  return {_mm512_inserti64x4(_mm512_castsi256_si512(half(one)), half(other), 1)};
#else
  Pair both[kLanes] = {};
  if (one != nullptr) __builtin_memcpy(both, one, sizeof both / 2);
  if (other != nullptr) __builtin_memcpy(both + kLanes / 2, other, sizeof both / 2);
  return load_pairs(both);
#endif
}

// A strip: some rows of positions of some images.
struct TileStrip {
  std::int64_t first_image, images;
  int row_begin, row_end;
};

// The gradient of output tiles [block_begin, block_end): [tile][image][row][pair of positions][channel][2][16
// lanes].
inline void copy_gradient(const TileWeights& p, const TileStrip& strip, const Bf16* diff_dst, int block_begin,
                          int block_end, Bf16* to) {
  for (std::int64_t image = 0; image < strip.images; ++image) {
    for (int row = strip.row_begin; row < strip.row_end; ++row, to += std::int64_t{p.pairs} * kTileElements) {
      const Bf16* from = diff_dst + (strip.first_image + image) * p.dst.image + row * p.dst.row;
      const auto copy = [&](int block, int m, int pair) {
        const int channel = block * kTileSide + m;
        const bool there = channel < p.dst.channels;
        const Bf16* one = there ? from + channel * p.dst.channel + 2 * pair * p.dst.column : nullptr;
        const Bf16* other = there && 2 * pair + 1 < p.dst.columns ? one + p.dst.column : nullptr;
        if (there) prefetch_ahead(one);
        Bf16* row_of_tile = to + (block - block_begin) * p.a_block + pair * kTileElements + m * kTileDepth;
        store_pairs(reinterpret_cast<Pair*>(row_of_tile), load_places(one, other));
      };
      // In the order in which it lies: a plane of each channel, or the channels of each token.
      if (p.dst.column < p.dst.channel) {
        for (int block = block_begin; block < block_end; ++block) {
          for (int m = 0; m < kTileSide; ++m) {
            for (int pair = 0; pair < p.pairs; ++pair) copy(block, m, pair);
          }
        }
      } else {
        for (int pair = 0; pair < p.pairs; ++pair) {
          for (int block = block_begin; block < block_end; ++block) {
            for (int m = 0; m < kTileSide; ++m) copy(block, m, pair);
          }
        }
      }
    }
  }
}

// Two places of 16 input channels, [place][two images][channel][2].
ESPALIER_INLINE void transpose_places(const Bf16* one, const Bf16* other, std::int64_t stride, int channels,
                                      Bf16* to) {
#if defined(__AVX512F__) && !defined(ESPALIER_VEC_PORTABLE)
  Vec in[16], out[16];
  ESPALIER_UNROLL for (int c = 0; c < kTileSide; ++c) {
    const bool there = c < channels;
    in[c] = as_vec(load_places(there && one != nullptr ? one + c * stride : nullptr,
                               there && other != nullptr ? other + c * stride : nullptr));
  }
  transpose(in, out);
  ESPALIER_UNROLL for (int i = 0; i < 16; ++i)
      store_pairs(reinterpret_cast<Pair*>(to + i * kTileDepth), as_pairs(out[i]));
#else
  for (const Bf16* place : {one, other}) {
    Pairs steps[16];
    load_lanes_transposed(place, stride, place == nullptr ? 0 : channels, steps);
    for (int i = 0; i < 8; ++i, to += kTileDepth) store_pairs(reinterpret_cast<Pair*>(to), steps[i]);
  }
#endif
}

// The source of a tile of input channels: [image][phase of rows][phase of columns][place][place].
inline void copy_source(const TileWeights& p, const TileStrip& strip, const Bf16* src, int channels,
                        Bf16* to) {
  const int height = strip.row_end - strip.row_begin + p.h.most_shift - p.h.least_shift;
  for (std::int64_t image = 0; image < strip.images; ++image) {
    const Bf16* from = src + (strip.first_image + image) * p.src.image;
    for (int h = 0; h < p.h.phase_count; ++h) {
      for (int w = 0; w < p.w.phase_count; ++w) {
        Bf16* place = to + image * p.image + (h * p.w.phase_count + w) * p.phase;
        for (int z = 0; z < height; ++z) {
          const int row = (strip.row_begin + p.h.least_shift + z) * p.SH + p.h.residues[h];
          const bool inside = row >= 0 && row < p.src.rows;
          for (int column = 0; column < p.width; column += 2, place += kTileElements) {
            if (inside) {
              const Bf16* next =
                  from + row * p.src.row + ((p.w.least_shift + column) * p.SW + kColumnsAhead) * p.src.column;
              for (int c = 0; c < channels; ++c) __builtin_prefetch(next + c * p.src.channel);
            }
            const auto at = [&](int i) -> const Bf16* {
              const int x = (p.w.least_shift + column + i) * p.SW + p.w.residues[w];
              return inside && x >= 0 && x < p.src.columns ? from + row * p.src.row + x * p.src.column
                                                           : nullptr;
            };
            transpose_places(at(0), at(1), p.src.channel, channels, place);
          }
        }
      }
    }
  }
}

struct TileWeightsScratch {
  float* sums;      // [parts][oc_blocks][ic_blocks][taps] tiles
  Bf16* gradient;   // [threads]
  Bf16* source;     // [threads]
  TileStep* steps;  // [threads]
};

inline TileWeightsScratch take_weights_scratch(const TileWeights& p, ScratchLayout& scratch) {
  const std::int64_t threads = num_threads();
  TileWeightsScratch s;
  s.sums = scratch.take<float>(p.parts * p.part_floats());
  s.gradient = scratch.take<Bf16>(threads * p.range_blocks * p.a_block);
  s.source = scratch.take<Bf16>(threads * kInputBlocks * p.block);
  s.steps = scratch.take<TileStep>(threads * p.steps());
  return s;
}

// Adds a strip to the sums of output tiles [block_begin, block_end).
inline void sum_strip(const TileWeights& p, const TileStrip& strip, const Bf16* src, const Bf16* diff_dst,
                      int block_begin, int block_end, const TileWeightsScratch& scratch, float* sums,
                      bool accumulate) {
  const int rows = strip.row_end - strip.row_begin;
  TileStep* step = scratch.steps;
  for (std::int64_t image = 0; image < strip.images; ++image) {
    for (int row = 0; row < rows; ++row) {
      for (int pair = 0; pair < p.pairs; ++pair, ++step) {
        *step = {static_cast<std::int32_t>(((image * rows + row) * p.pairs + pair) * kTileElements),
                 static_cast<std::int32_t>(image * p.image +
                                           (std::int64_t{row} * p.width + 2 * pair) * kHalfTile)};
      }
    }
  }
  copy_gradient(p, strip, diff_dst, block_begin, block_end, scratch.gradient);
  TileBlock block;
  block.steps = scratch.steps;
  block.step_count = static_cast<int>(step - scratch.steps);
  block.c_row = p.columns() * kTileFloats;
  block.c_column = kTileFloats;
  block.accumulate = accumulate;
  for (int ic = 0; ic < p.ic_blocks; ic += kInputBlocks) {
    const int blocks = p.ic_blocks - ic < kInputBlocks ? p.ic_blocks - ic : kInputBlocks;
    for (int i = 0; i < blocks; ++i) {
      copy_source(p, strip, src + std::int64_t{ic + i} * kTileSide * p.src.channel,
                  channels_from(p.src, (ic + i) * kTileSide), scratch.source + i * p.block);
    }
    for (int m = block_begin; m < block_end; m += 2) {
      const int height = block_end - m < 2 ? 1 : 2, widest = max_tile_columns(height),
                columns = blocks * p.taps;
      for (int i = 0; i < height; ++i) block.a[i] = scratch.gradient + (m - block_begin + i) * p.a_block;
      for (int first = 0; first < columns; first += widest) {
        const int count = columns - first < widest ? columns - first : widest;
        for (int j = 0; j < count; ++j) {
          const int i = (first + j) / p.taps, kh = (first + j) % p.taps / p.KW, kw = (first + j) % p.KW;
          block.b[j] =
              scratch.source + i * p.block + (p.h.phase[kh] * p.w.phase_count + p.w.phase[kw]) * p.phase +
              (std::int64_t{p.h.shift[kh] - p.h.least_shift} * p.width + p.w.shift[kw] - p.w.least_shift) *
                  kHalfTile;
        }
        block.c = sums + (m * p.columns() + ic * p.taps + first) * kTileFloats;
        multiply_tiles(height, count, block);
      }
    }
  }
}

// Adds the parts and writes them as the parameter lies.
inline void write_weights(const TileWeights& p, const float* sums, float* diff_weights) {
  parallel_for(std::int64_t{p.oc_blocks} * p.ic_blocks, [&](std::int64_t task) {
    const int oc = static_cast<int>(task / p.ic_blocks) * kTileSide,
              ic = static_cast<int>(task % p.ic_blocks) * kTileSide;
    const int outputs = channels_from(p.dst, oc);
    const int inputs = channels_from(p.src, ic);
    const float* from = sums + task * p.taps * kTileFloats;
    for (int m = 0; m < outputs; ++m) {
      float* to = diff_weights + (std::int64_t{oc + m} * p.src.channels + ic) * p.taps;
      for (int tap = 0; tap < p.taps; ++tap) {
        const float* at = from + tap * kTileFloats + m * kTileSide;
        Vec total = load(at);
        for (int part = 1; part < p.parts; ++part) total += load(at + part * p.part_floats());
        alignas(64) float lanes[kTileSide];
        store(lanes, total);
        for (int n = 0; n < inputs; ++n) to[n * p.taps + tap] = lanes[n];
      }
    }
  });
}

inline void weights_on_tiles(const TileWeights& p, const Bf16* src, const Bf16* diff_dst, float* diff_weights,
                             void* memory) {
  ScratchLayout layout(memory);
  const TileWeightsScratch scratch = take_weights_scratch(p, layout);
  parallel_for(std::int64_t{p.parts} * p.ranges, [&](std::int64_t task) {
    const TileScope tiles;
    const std::int64_t part = task / p.ranges, thread = thread_index();
    const int range = static_cast<int>(task % p.ranges);
    const TileWeightsScratch own = {nullptr, scratch.gradient + thread * p.range_blocks * p.a_block,
                                    scratch.source + thread * kInputBlocks * p.block,
                                    scratch.steps + thread * p.steps()};
    const std::int64_t end = p.images * (part + 1) / p.parts;
    bool accumulate = false;
    for (std::int64_t first = p.images * part / p.parts; first < end; first += p.together) {
      for (int row = 0; row < p.dst.rows; row += p.rows) {
        const TileStrip strip = {first, end - first < p.together ? end - first : p.together, row,
                                 row + p.rows < p.dst.rows ? row + p.rows : p.dst.rows};
        sum_strip(p, strip, src, diff_dst, p.oc_blocks * range / p.ranges,
                  p.oc_blocks * (range + 1) / p.ranges, own, scratch.sums + part * p.part_floats(),
                  accumulate);
        accumulate = true;
      }
    }
  });
  write_weights(p, scratch.sums, diff_weights);
}

inline std::size_t weights_on_tiles_scratch_bytes(const TileWeights& p) {
  ScratchLayout scratch(nullptr);
  take_weights_scratch(p, scratch);
  return scratch.bytes();
}

}  // namespace
}  // namespace espalier::kernels
