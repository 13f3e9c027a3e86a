// Gradients of weights that are shared by all positions: convolution's and, with one tap, the linear layer's.
//
//   diff_weights[oc][ic][tap] = sum over images and positions of  diff_dst[oc][position] * src[ic][position +
//   tap]
//
// The sum runs over the lanes too, 16 steps a position, so here a vector cannot be 16 images. It becomes
// 16 output channels: blocks of diff_dst, 16 channels x 16 lanes, are transposed once and serve every input
// channel and tap. src needs no transposing: its floats are the scalars that are broadcast, read from where
// they are.
//
// A task owns a block of output channels and a fixed part of the images. The parts are added in order, so the
// bits do not depend on who computed what.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/base/scratch.h"
#include "kernels/base/transpose.h"
#include "kernels/base/vec.h"
#include "kernels/gemm/micro.h"

namespace espalier::kernels {
namespace {

// Floats from one to the next in an activation in lanes.
struct LaneStrides {
  std::int64_t image, channel, row, column;
};

// The positions where a tap meets the source, and where it meets it.
struct GradientTap {
  int row_begin, row_end, column_begin, column_end;
  std::int64_t src_offset;  // floats from a position's place in src
};

struct WeightGradient {
  int groups = 1;  // of channels
  int IC, OC;      // a group
  int taps = 1;
  std::int64_t images;  // groups of 16
  int rows, columns;    // positions
  LaneStrides src, dst;
  const GradientTap* tap_list;  // [taps]
};

// Register blocks: rows are input channels, vectors are 16 output channels.
inline constexpr int kGradientVectors = kVecIsa == Isa::avx512 ? 2 : 1;
constexpr int max_gradient_rows(int vectors) {
  return kVecIsa == Isa::avx512 && vectors == 1 ? 16 : kMaxRows;
}

// What a register block sums over: an image has `rows` rows of `columns` positions of 16 lanes.
struct GradientBlock {
  const float* a;
  LaneStrides a_strides;
  const float* b;  // position's [16 lanes][NV * 16]
  std::int64_t b_image, b_row;
  std::int64_t images;
  int rows, columns;
  float* c;  // [MR] rows of NV * 16, added to
  std::int64_t c_step;
};

template <int MR, int NV>
void sum_positions(const GradientBlock& block) {
  Vec c[MR][NV];
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
    ESPALIER_UNROLL for (int n = 0; n < NV; ++n) c[m][n] = load(block.c + m * block.c_step + n * 16);
  }
  // One pointer for three channels: x86 addresses base, base + step and base + 2 * step without arithmetic.
  constexpr int kPointers = (MR + 2) / 3;
  const std::int64_t step = block.a_strides.channel;
  for (std::int64_t image = 0; image < block.images; ++image) {
    for (int row = 0; row < block.rows; ++row) {
      const float* first = block.a + image * block.a_strides.image + row * block.a_strides.row;
      const float* a[kPointers];
      ESPALIER_UNROLL for (int i = 0; i < kPointers; ++i) a[i] = first + 3 * i * step;
      const float* b = block.b + image * block.b_image + row * block.b_row;
      for (int column = 0; column < block.columns; ++column) {
        for (int quarter = 0; quarter < 16; quarter += 4) {
          ESPALIER_UNROLL for (int lane = 0; lane < 4; ++lane, b += NV * 16) {
            Vec vectors[NV];
            ESPALIER_UNROLL for (int n = 0; n < NV; ++n) vectors[n] = load(b + n * 16);
            ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
              const Vec scalar = broadcast(a[m / 3][(m % 3) * step + quarter + lane]);
              ESPALIER_UNROLL for (int n = 0; n < NV; ++n) c[m][n] = fma(scalar, vectors[n], c[m][n]);
            }
          }
        }
        ESPALIER_UNROLL for (int i = 0; i < kPointers; ++i) a[i] += block.a_strides.column;
      }
    }
  }
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
    ESPALIER_UNROLL for (int n = 0; n < NV; ++n) store(block.c + m * block.c_step + n * 16, c[m][n]);
  }
}

using GradientKernel = void (*)(const GradientBlock&);

template <int MR, int NV>
constexpr GradientKernel gradient_kernel_or_null() {
  if constexpr (NV <= kGradientVectors && MR <= max_gradient_rows(NV)) return sum_positions<MR, NV>;
  return nullptr;
}

inline GradientKernel gradient_kernel(int rows, int vectors) {
#define ESPALIER_ROW(MR) \
  { gradient_kernel_or_null<MR, 1>(), gradient_kernel_or_null<MR, 2>() }
  static constexpr GradientKernel kernels[16][2] = {
      ESPALIER_ROW(1),  ESPALIER_ROW(2),  ESPALIER_ROW(3),  ESPALIER_ROW(4),
      ESPALIER_ROW(5),  ESPALIER_ROW(6),  ESPALIER_ROW(7),  ESPALIER_ROW(8),
      ESPALIER_ROW(9),  ESPALIER_ROW(10), ESPALIER_ROW(11), ESPALIER_ROW(12),
      ESPALIER_ROW(13), ESPALIER_ROW(14), ESPALIER_ROW(15), ESPALIER_ROW(16)};
#undef ESPALIER_ROW
  return kernels[rows - 1][vectors - 1];
}

// Transposed gradients of about this many positions stay in the L2 cache while all input channels and taps
// use them.
constexpr int kBlockPositions = 64;
// Enough tasks to keep a few threads busy.
constexpr int kGradientTasks = 8;

struct GradientPlan {
  int vectors, oc_blocks;        // a group's output channels in blocks of vectors * 16
  int block_images, block_rows;  // positions transposed at a time
  std::int64_t parts;            // of the images, each summed by itself
  std::int64_t sums_size;        // floats of one task's sums: [IC * taps + 1][vectors * 16], the bias last
  float* sums;                   // [parts][groups][oc_blocks][sums_size]
  float* transposed;             // [threads][block_images][block_rows][columns][16 lanes][vectors * 16]
  std::int64_t transposed_size;
};

inline GradientPlan plan_gradient(const WeightGradient& p, ScratchLayout& scratch) {
  GradientPlan plan;
  plan.vectors = p.OC <= 16 ? 1 : kGradientVectors;
  const int width = plan.vectors * 16;
  plan.oc_blocks = (p.OC + width - 1) / width;
  const int positions = p.rows * p.columns;
  const int images = positions >= kBlockPositions ? 1 : kBlockPositions / positions;
  plan.block_images = images < p.images ? images : static_cast<int>(p.images);
  const int rows = kBlockPositions / p.columns;
  plan.block_rows = rows < 1 ? 1 : rows < p.rows ? rows : p.rows;
  const std::int64_t wanted = (kGradientTasks - 1) / (p.groups * plan.oc_blocks) + 1;
  plan.parts = wanted < p.images ? wanted : p.images;
  plan.sums_size = (std::int64_t{p.IC} * p.taps + 1) * width;
  plan.sums = scratch.take<float>(plan.parts * p.groups * plan.oc_blocks * plan.sums_size);
  plan.transposed_size = std::int64_t{plan.block_images} * plan.block_rows * p.columns * 16 * width;
  plan.transposed = scratch.take<float>(num_threads() * plan.transposed_size);
  return plan;
}

// transposed[position][lane][oc] = diff_dst[oc][position][lane] for channels [0, count), zero up to the
// width; bias[oc] += its sums.
void transpose_gradient(const WeightGradient& p, int vectors, int count, const float* diff_dst,
                        std::int64_t images, int rows, float* transposed, float* bias) {
  for (int n = 0; n < vectors; ++n, diff_dst += 16 * p.dst.channel, count -= 16) {
    Vec total = load(bias + n * 16);
    float* to = transposed + n * 16;
    for (std::int64_t image = 0; image < images; ++image) {
      for (int row = 0; row < rows; ++row) {
        const float* from = diff_dst + image * p.dst.image + row * p.dst.row;
        for (int column = 0; column < p.columns; ++column, from += p.dst.column) {
          Vec lanes[16];
          load_transposed(from, p.dst.channel, count < 16 ? count : 16, 16, lanes);
          ESPALIER_UNROLL for (int lane = 0; lane < 16; ++lane, to += vectors * 16) {
            store(to, lanes[lane]);
            total += lanes[lane];
          }
        }
      }
    }
    store(bias + n * 16, total);
  }
}

// Adds the products of one block of positions to the sums.
void sum_block(const WeightGradient& p, int vectors, const float* src, std::int64_t images, int row_begin,
               int row_end, const float* transposed, float* sums) {
  const int width = vectors * 16, position = 16 * width;  // floats
  const Panels panels(p.IC, max_gradient_rows(vectors));
  for (int panel = 0; panel < panels.count; ++panel) {
    const int ic = panels.begin(panel);
    for (int t = 0; t < p.taps; ++t) {
      const GradientTap& tap = p.tap_list[t];
      const int first = tap.row_begin > row_begin ? tap.row_begin : row_begin;
      const int last = tap.row_end < row_end ? tap.row_end : row_end;
      if (first >= last || tap.column_begin >= tap.column_end) continue;
      GradientBlock block;
      block.a =
          src + ic * p.src.channel + first * p.src.row + tap.column_begin * p.src.column + tap.src_offset;
      block.a_strides = p.src;
      block.b_row = std::int64_t{p.columns} * position;
      block.b_image = (row_end - row_begin) * block.b_row;
      block.b = transposed + (first - row_begin) * block.b_row + std::int64_t{tap.column_begin} * position;
      block.images = images;
      block.rows = last - first;
      block.columns = tap.column_end - tap.column_begin;
      block.c = sums + (std::int64_t{ic} * p.taps + t) * width;
      block.c_step = std::int64_t{p.taps} * width;
      gradient_kernel(panels.height(panel), vectors)(block);
    }
  }
}

// Adds the parts of one block of output channels, and writes it as rows of [IC * taps].
void write_gradient(const WeightGradient& p, const GradientPlan& plan, std::int64_t block, int count,
                    float* diff_weights, float* diff_bias) {
  const std::int64_t K = std::int64_t{p.IC} * p.taps;
  const int width = plan.vectors * 16;
  float* sums = plan.sums + block * plan.sums_size;
  const std::int64_t part_size = std::int64_t{p.groups} * plan.oc_blocks * plan.sums_size;
  for (std::int64_t part = 1; part < plan.parts; ++part) {
    const float* other = sums + part * part_size;
    for (std::int64_t i = 0; i < plan.sums_size; i += 16) store(sums + i, load(sums + i) + load(other + i));
  }
  for (int n = 0; n < plan.vectors && count > n * 16; ++n) {
    const int channels = count - n * 16 < 16 ? count - n * 16 : 16;
    for (std::int64_t k = 0; k < K; k += 16) {
      const int columns = K - k < 16 ? static_cast<int>(K - k) : 16;
      Vec block_rows[16];
      ESPALIER_UNROLL for (int i = 0; i < 16; ++i) {
        block_rows[i] = i < columns ? load(sums + (k + i) * width + n * 16) : zero();
      }
      store_transposed(diff_weights + n * 16 * K + k, K, channels, columns, block_rows);
    }
    for (int i = 0; diff_bias != nullptr && i < channels; ++i)
      diff_bias[n * 16 + i] = sums[K * width + n * 16 + i];
  }
}

// diff_weights [groups][OC][IC][taps] and, unless null, diff_bias [groups][OC] are overwritten.
void weight_gradient(const WeightGradient& p, const GradientPlan& plan, const float* src,
                     const float* diff_dst, float* diff_weights, float* diff_bias) {
  const int width = plan.vectors * 16;
  const std::int64_t blocks = std::int64_t{p.groups} * plan.oc_blocks;
  parallel_for(plan.parts * blocks, [&](std::int64_t task) {
    const std::int64_t part = task / blocks, group = task % blocks / plan.oc_blocks;
    const int oc = static_cast<int>(task % plan.oc_blocks) * width,
              count = p.OC - oc < width ? p.OC - oc : width;
    float* sums = plan.sums + task * plan.sums_size;
    float* transposed = plan.transposed + thread_index() * plan.transposed_size;
    for (std::int64_t i = 0; i < plan.sums_size; i += 16) store(sums + i, zero());
    const std::int64_t end = p.images * (part + 1) / plan.parts;
    for (std::int64_t image = p.images * part / plan.parts; image < end; image += plan.block_images) {
      const std::int64_t images = end - image < plan.block_images ? end - image : plan.block_images;
      const float* src_images = src + image * p.src.image + group * p.IC * p.src.channel;
      const float* dst_images = diff_dst + image * p.dst.image + (group * p.OC + oc) * p.dst.channel;
      for (int row = 0; row < p.rows; row += plan.block_rows) {
        const int row_end = row + plan.block_rows < p.rows ? row + plan.block_rows : p.rows;
        transpose_gradient(p, plan.vectors, count, dst_images + row * p.dst.row, images, row_end - row,
                           transposed, sums + plan.sums_size - width);
        sum_block(p, plan.vectors, src_images, images, row, row_end, transposed, sums);
      }
    }
  });
  parallel_for(blocks, [&](std::int64_t block) {
    const std::int64_t group = block / plan.oc_blocks;
    const int oc = static_cast<int>(block % plan.oc_blocks) * width,
              count = p.OC - oc < width ? p.OC - oc : width;
    const std::int64_t first = group * p.OC + oc;
    write_gradient(p, plan, block, count, diff_weights + first * p.IC * p.taps,
                   diff_bias == nullptr ? nullptr : diff_bias + first);
  });
}

}  // namespace
}  // namespace espalier::kernels
