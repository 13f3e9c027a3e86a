// Backward weights at kept places only: a kept weight's gradient is the dot product of its input with the
// gradient of its output, over the places of a subtile and over the lanes, added up over tiles and images.
//
// Sixteen such dot products are vectors until a transposition adds up their lanes together. With b = 1 they
// belong to sixteen weights of one output channel, whose gradient over the subtile stays in registers; with
// b = 4 to the sixteen weights of one block.
#pragma once

#include "kernels/base/transpose.h"
#include "kernels/conv2d/bias_gradient.h"
#include "kernels/spconv2d/tile.h"

namespace espalier::kernels {
namespace {

// Floats of sums that may be written beyond the last: sixteen are written together.
constexpr int kSumsAhead = 16;

struct WeightTask {
  const float* src;       // of the group of images
  const float* diff_dst;
  int row_begin, row_end;
  float* copied;
  float* sums;  // [count][B][B], in the order of the lists: [input channel][output channel] of a block
};

// The gradient of a row's output channels over a subtile: where it is in diff_dst if that has all of it, else
// copied with zeros for what is missing.
struct RowGradient {
  const float* at;
  std::int64_t plane, row;  // floats from a channel, from a row of places to the next
};

template <int B>
ESPALIER_INLINE RowGradient row_gradient(const SparsePlan& p, const float* diff_dst, int row, int out_row,
                                         int out_column, float* copy) {
  constexpr int kRows = kSubtileRows<B>, kColumns = kSubtileColumns<B>;
  const std::int64_t pitch = std::int64_t{p.w.out} * kLanes;
  const int channels = p.M - row * B, rows = p.h.out - out_row, columns = p.w.out - out_column;
  const float* from = diff_dst + row * B * p.out_plane + out_row * pitch + out_column * kLanes;
  if (channels >= B && rows >= kRows && columns >= kColumns) return {from, p.out_plane, pitch};
  float* to = copy;
  for (int m = 0; m < B; ++m) {
    for (int r = 0; r < kRows; ++r) {
      for (int c = 0; c < kColumns; ++c, to += kLanes) {
        const bool exists = m < channels && r < rows && c < columns;
        store(to, exists ? load(from + m * p.out_plane + r * pitch + c * kLanes) : zero());
      }
    }
  }
  return {copy, std::int64_t{kRows} * kColumns * kLanes, std::int64_t{kColumns} * kLanes};
}

// Fetches the gradient of a row over a subtile that comes when all rows of this one are done.
template <int B>
ESPALIER_INLINE void prefetch_gradient(const SparsePlan& p, const float* at) {
  const std::int64_t pitch = std::int64_t{p.w.out} * kLanes;
  ESPALIER_UNROLL for (int m = 0; m < B; ++m) {
    ESPALIER_UNROLL for (int r = 0; r < kSubtileRows<B>; ++r) {
      ESPALIER_UNROLL for (int c = 0; c < kSubtileColumns<B>; ++c) {
        __builtin_prefetch(at + m * p.out_plane + r * pitch + c * kLanes, 0, 2);
      }
    }
  }
}

// b = 1: sums[begin .. end) += each input's dot product with the row's gradient.
ESPALIER_INLINE void add_single_weights(const SparsePlan& p, std::int32_t begin, std::int32_t end,
                                        const float* in, const RowGradient& gradient, float* sums) {
  constexpr int kRows = kSubtileRows<1>, kColumns = kSubtileColumns<1>;
  Vec g[kRows][kColumns];
  ESPALIER_UNROLL for (int r = 0; r < kRows; ++r) {
    ESPALIER_UNROLL for (int c = 0; c < kColumns; ++c) {
      g[r][c] = load(gradient.at + r * gradient.row + c * kLanes);
    }
  }
  const std::int64_t pitch = p.pitch;
  Vec dots[16];
  for (std::int32_t k = begin; k < end; k += 16) {
    const int count = end - k < 16 ? end - k : 16;
    for (int i = 0; i < count; ++i) {
      const float* at = in + p.offset[k + i];
      Vec row[kRows];  // several sums, or each multiply-add would wait for the one before
      ESPALIER_UNROLL for (int r = 0; r < kRows; ++r) {
        row[r] = g[r][0] * load(at + r * pitch);
        ESPALIER_UNROLL for (int c = 1; c < kColumns; ++c) {
          row[r] = fma(g[r][c], load(at + r * pitch + c * kLanes), row[r]);
        }
      }
      ESPALIER_UNROLL for (int r = 1; r < kRows; ++r) row[0] += row[r];
      dots[i] = row[0];
    }
    for (int i = count; i < 16; ++i) dots[i] = zero();
    store(sums + k, load(sums + k) + sums_of(dots));
  }
}

// b = 4: the same for blocks. `kTogether` output channels at a time have their sums in registers.
ESPALIER_INLINE void add_weight_blocks(const SparsePlan& p, std::int32_t begin, std::int32_t end,
                                       const float* in, const RowGradient& gradient, float* sums) {
  constexpr int B = 4, kRows = kSubtileRows<B>, kColumns = kSubtileColumns<B>;
  constexpr int kTogether = kVecIsa == Isa::avx512 ? B : 1;
  for (std::int32_t k = begin; k < end; ++k) {
    const float* at = in + p.offset[k];
    Vec dots[16];
    ESPALIER_UNROLL for (int first = 0; first < B; first += kTogether) {
      Vec dot[B][kTogether];
      ESPALIER_UNROLL for (int i = 0; i < B; ++i) {
        ESPALIER_UNROLL for (int m = 0; m < kTogether; ++m) dot[i][m] = zero();
      }
      ESPALIER_UNROLL for (int r = 0; r < kRows; ++r) {
        ESPALIER_UNROLL for (int c = 0; c < kColumns; ++c) {
          Vec g[kTogether];
          ESPALIER_UNROLL for (int m = 0; m < kTogether; ++m) {
            g[m] = load(gradient.at + (first + m) * gradient.plane + r * gradient.row + c * kLanes);
          }
          ESPALIER_UNROLL for (int i = 0; i < B; ++i) {
            const Vec x = load(at + i * p.channel + r * p.pitch + c * kLanes);
            ESPALIER_UNROLL for (int m = 0; m < kTogether; ++m) dot[i][m] = fma(g[m], x, dot[i][m]);
          }
        }
      }
      ESPALIER_UNROLL for (int i = 0; i < B; ++i) {
        ESPALIER_UNROLL for (int m = 0; m < kTogether; ++m) dots[i * B + first + m] = dot[i][m];
      }
    }
    float* to = sums + std::int64_t{k} * B * B;
    store(to, load(to) + sums_of(dots));
  }
}

template <int B>
void add_weight_chunk(const SparsePlan& p, const WeightTask& task, int tile, int chunk) {
  const int first_channel = chunk * p.chunk_blocks * B;
  const int channels = p.C - first_channel < p.chunk_blocks * B ? p.C - first_channel : p.chunk_blocks * B;
  const float* src = task.src + first_channel * p.in_plane;
  const TileOrigin origin = tile_origin(p, tile);
  copy_tile<B>(p, src, channels, origin, task.copied);
  const int down = p.tile_rows / kSubtileRows<B>, across = p.tile_columns / kSubtileColumns<B>;
  NextTile next(p, src, channels, tile + 1,
                std::int64_t{down} * across * (task.row_end - task.row_begin));
  alignas(64) float copy[B * kSubtileRows<B> * kSubtileColumns<B> * kLanes];
  for (int subtile = 0; subtile < down * across; ++subtile) {
    const int r = subtile / across * kSubtileRows<B>, c = subtile % across * kSubtileColumns<B>;
    if (origin.row + r >= p.h.out || origin.column + c >= p.w.out) continue;
    const float* in = task.copied + r * p.pitch + c * kLanes;
    const bool last = subtile + 1 == down * across;
    const TileOrigin after = last ? tile_origin(p, tile + 1)
                                  : TileOrigin{origin.row + (subtile + 1) / across * kSubtileRows<B>,
                                               origin.column + (subtile + 1) % across * kSubtileColumns<B>};
    const float* soon = task.diff_dst + (std::int64_t{after.row} * p.w.out + after.column) * kLanes;
    for (int row = task.row_begin; row < task.row_end; ++row) {
      if (chunk == 0) prefetch_gradient<B>(p, soon + row * B * p.out_plane);
      const std::int64_t list = p.list(0, chunk, row);
      const std::int32_t begin = p.begin[list], end = p.begin[list + 1];
      if (begin != end) {
        const RowGradient gradient =
            row_gradient<B>(p, task.diff_dst, row, origin.row + r, origin.column + c, copy);
        if constexpr (B == 1) {
          add_single_weights(p, begin, end, in, gradient, task.sums);
        } else {
          add_weight_blocks(p, begin, end, in, gradient, task.sums);
        }
      }
      next.advance();
    }
  }
}

template <int B>
struct WeightPlan {
  SparsePlan sparse;
  int parts;          // of the images, each summed by itself
  float* sums;        // [parts * slices][sums_size]
  std::int64_t sums_size;

  WeightPlan(const Conv2dShape& s, const SparseBlocks& blocks, ScratchLayout& scratch)
      : sparse(plan_sparse<B>(s, blocks, Conv2dPass::backward_weights, scratch, scratch)) {
    parts = sparse.images < kSparseTasks ? static_cast<int>(sparse.images) : kSparseTasks;
    sums_size = (blocks.count * B * B + kSumsAhead + 15) / 16 * 16;
    sums = scratch.take<float>(std::int64_t{parts} * sparse.slices * sums_size);
  }
};

template <int B>
void backward_weights(const Conv2dShape& s, const SparseBlocks& blocks, const SpConv2dArgs& args) {
  ScratchLayout scratch(args.scratch);
  const WeightPlan<B> plan(s, blocks, scratch);
  const SparsePlan& p = plan.sparse;
  fill_lists<B>(p, blocks, Conv2dPass::backward_weights, nullptr);

  const int tasks = plan.parts * p.slices;
  parallel_for(tasks, [&](std::int64_t index) {
    const std::int64_t part = index / p.slices;
    WeightTask task;
    task.row_begin = static_cast<int>(index % p.slices) * p.slice_rows;
    task.row_end = clamp(task.row_begin + p.slice_rows, 0, p.rows);
    task.copied = p.copied + thread_index() * p.copied_size;
    task.sums = plan.sums + index * plan.sums_size;
    for (std::int64_t i = 0; i < plan.sums_size; i += kLanes) store(task.sums + i, zero());
    for (std::int64_t g = p.images * part / plan.parts; g < p.images * (part + 1) / plan.parts; ++g) {
      task.src = args.src + g * p.C * p.in_plane;
      task.diff_dst = args.diff_dst + g * p.M * p.out_plane;
      for (int tile = 0; tile < p.tiles_down * p.tiles_across; ++tile) {
        for (int chunk = 0; chunk < p.chunks; ++chunk) add_weight_chunk<B>(p, task, tile, chunk);
      }
    }
  });

  constexpr std::int64_t kBlocksATask = 4096;
  parallel_for((blocks.count + kBlocksATask - 1) / kBlocksATask, [&](std::int64_t index) {
    const std::int64_t begin = index * kBlocksATask;
    const std::int64_t end = blocks.count - begin < kBlocksATask ? blocks.count : begin + kBlocksATask;
    for (std::int64_t k = begin; k < end; ++k) {
      float* to = args.diff_values + std::int64_t{p.source[k]} * B * B;
      for (int i = 0; i < B * B; ++i) {
        float total = 0.0f;
        for (int t = 0; t < tasks; ++t) total += plan.sums[t * plan.sums_size + k * B * B + i];
        to[i % B * B + i / B] = total;
      }
    }
  });
  Conv2dArgs bias;
  bias.diff_dst = args.diff_dst;
  bias.diff_bias = args.diff_bias;
  bias_gradient(s, bias);
}

}  // namespace
}  // namespace espalier::kernels
