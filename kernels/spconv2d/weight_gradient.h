// Backward weights at kept places only: a kept weight's gradient is the dot product of its input with the
// gradient of its output, over the places of a subtile and over the lanes, added up over tiles and images.
//
// Sixteen such dot products are vectors until a transposition adds up their lanes together. With b = 1 they
// belong to weights that follow each other in the lists, across output channels, of which one has its gradient
// over the subtile in registers at a time; with b = 4 to the sixteen weights of one block.
#pragma once

#include "kernels/base/opaque.h"
#include "kernels/base/transpose.h"
#include "kernels/spconv2d/tile.h"

namespace espalier::kernels {
namespace {

// Floats of sums that may be written beyond the last: sixteen are written together.
constexpr int kSumsAhead = 16;

template <class T>
struct WeightTask {
  const T* src;  // of the group of images
  const T* diff_dst;
  int row_begin, row_end, tile_end;
  float* copied;
  float* sums;  // [count][B][B], in the order of the lists: [input channel][output channel] of a block
};

// The gradient of a row's output channels over a subtile: where it is in diff_dst if that has all of it, else
// copied with zeros for what is missing.
template <class T>
struct RowGradient {
  const T* at;
  std::int64_t channel, row, column;  // elements from one to the next
};

template <int B, class T>
ESPALIER_INLINE RowGradient<T> row_gradient(const SparsePlan& p, const T* diff_dst, int row, int out_row,
                                            int out_column, T* copy) {
  const Subtile subtile = p.subtile;
  const int channels = p.M - row * B, rows = p.h.out - out_row, columns = p.w.out - out_column;
  const T* from = diff_dst + row * B * p.out.channel + out_row * p.out_row() + out_column * p.out.pixel;
  if (channels >= B && rows >= subtile.rows && columns >= subtile.columns) {
    return {from, p.out.channel, p.out_row(), p.out.pixel};
  }
  T* to = copy;
  for (int m = 0; m < B; ++m) {
    for (int r = 0; r < subtile.rows; ++r) {
      for (int c = 0; c < subtile.columns; ++c, to += kLanes) {
        const bool exists = m < channels && r < rows && c < columns;
        store(to, exists ? load(from + m * p.out.channel + r * p.out_row() + c * p.out.pixel) : zero());
      }
    }
  }
  return {copy, std::int64_t{subtile.rows} * subtile.columns * kLanes, std::int64_t{subtile.columns} * kLanes,
          kLanes};
}

// Fetches the gradient of a row over a subtile that comes when all rows of this one are done.
template <int B, class T>
ESPALIER_INLINE void prefetch_gradient(const SparsePlan& p, const T* at) {
  for (int m = 0; m < B; ++m) {
    for (int r = 0; r < p.subtile.rows; ++r) {
      for (int c = 0; c < p.subtile.columns; ++c) {
        __builtin_prefetch(at + m * p.out.channel + r * p.out_row() + c * p.out.pixel, 0, 2);
      }
    }
  }
}

// Sixteen dot products at a time, of weights that follow each other in the lists: to add up the lanes of
// fewer takes as long.
struct DotProducts {
  float* sums;  // of the first
  int count = 0;
  Vec dots[16];

  explicit DotProducts(float* of_first) : sums(of_first) {}

  ESPALIER_INLINE void flush() {
    for (int i = count; i < 16; ++i) dots[i] = dots[0];
    store(sums, load(sums) + select(first_lanes(count), sums_of(dots), zero()));
    sums += count;
    count = 0;
  }
};

// b = 1: each input's dot product with the row's gradient, for the weights of a list.
template <int R, class T>
ESPALIER_INLINE void add_single_weights(const SparsePlan& p, std::int32_t begin, std::int32_t end,
                                        const float* in, const RowGradient<T>& gradient,
                                        DotProducts& products) {
  constexpr int kColumns = kSubtile<1, R>.columns, kParts = kSquareRows<1>, kPlaces = kParts * kParts;
  Vec g[kPlaces];
  ESPALIER_UNROLL for (int i = 0; i < kPlaces; ++i) {
    g[i] = load(gradient.at + i / kColumns * gradient.row + i % kColumns * gradient.column);
  }
  const std::int64_t pitch = p.pitch;
  for (std::int32_t k = begin; k < end;) {
    const int room = 16 - products.count, first = products.count;
    const int count = end - k < room ? end - k : room;
    for (int i = 0; i < count; ++i) {
      const float* line = in + p.offset[k + i];
      Vec part[kParts];  // several sums, or each multiply-add would wait for the one before
      ESPALIER_UNROLL for (int j = 0; j < kPlaces; ++j) {
        if (j > 0 && j % kColumns == 0) line = opaque(line + pitch);
        const Vec x = load(line + j % kColumns * kLanes);
        Vec& sum = part[j / kParts];
        sum = j % kParts == 0 ? g[j] * x : fma(g[j], x, sum);
      }
      ESPALIER_UNROLL for (int j = 1; j < kParts; ++j) part[0] += part[j];
      products.dots[first + i] = part[0];
    }
    k += count;
    products.count += count;
    if (products.count == 16) products.flush();
  }
}

// b = 4: the same for blocks. `kTogether` output channels at a time have their sums in registers.
template <class T>
ESPALIER_INLINE void add_weight_blocks(const SparsePlan& p, std::int32_t begin, std::int32_t end,
                                       const float* in, const RowGradient<T>& gradient, float* sums) {
  constexpr int B = 4;
  constexpr int kTogether = kVecIsa == Isa::avx512 ? B : 1;
  for (std::int32_t k = begin; k < end; ++k) {
    Vec dots[16];
    ESPALIER_UNROLL for (int first = 0; first < B; first += kTogether) {
      Vec dot[B][kTogether];
      ESPALIER_UNROLL for (int i = 0; i < B; ++i) {
        ESPALIER_UNROLL for (int m = 0; m < kTogether; ++m) dot[i][m] = zero();
      }
      for (int r = 0; r < p.subtile.rows; ++r) {
        const float* x[B];
        const T* g[kTogether];
        ESPALIER_UNROLL for (int i = 0; i < B; ++i) {
          x[i] = opaque(in + p.offset[k] + i * p.channel + r * p.pitch);
        }
        ESPALIER_UNROLL for (int m = 0; m < kTogether; ++m) {
          g[m] = opaque(gradient.at + (first + m) * gradient.channel + r * gradient.row);
        }
        for (int c = 0; c < p.subtile.columns; ++c) {
          Vec of_output[kTogether];
          ESPALIER_UNROLL for (int m = 0; m < kTogether; ++m) of_output[m] = load(g[m] + c * gradient.column);
          ESPALIER_UNROLL for (int i = 0; i < B; ++i) {
            const Vec of_input = load(x[i] + c * kLanes);
            ESPALIER_UNROLL for (int m = 0; m < kTogether; ++m) {
              dot[i][m] = fma(of_output[m], of_input, dot[i][m]);
            }
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

template <int B, int R, class T>
void add_weight_chunk(const SparsePlan& p, const WeightTask<T>& task, int tile, int chunk) {
  const int first_channel = chunk * p.chunk_blocks * B;
  const int channels = p.C - first_channel < p.chunk_blocks * B ? p.C - first_channel : p.chunk_blocks * B;
  const T* src = task.src + first_channel * p.in.channel;
  const TileOrigin origin = tile_origin(p, tile);
  copy_tile<B>(p, src, channels, origin, task.copied);
  const Subtile subtile = p.subtile;
  const int down = p.tile_rows / subtile.rows, across = p.tile_columns / subtile.columns;
  NextTile<T> next(p, src, channels, tile + 1 < task.tile_end ? tile + 1 : p.tiles(),
                   std::int64_t{down} * across * (task.row_end - task.row_begin));
  alignas(64) T copy[B * 16 * kLanes];  // a subtile has 16 places at most
  const std::int64_t first_list = p.list(0, chunk, 0);
  for (int index = 0; index < down * across; ++index) {
    const int r = index / across * subtile.rows, c = index % across * subtile.columns;
    if (origin.row + r >= p.h.out || origin.column + c >= p.w.out) continue;
    const float* in = task.copied + r * p.pitch + c * kLanes;
    const bool last = index + 1 == down * across;
    const TileOrigin after = last ? tile_origin(p, tile + 1)
                                  : TileOrigin{origin.row + (index + 1) / across * subtile.rows,
                                               origin.column + (index + 1) % across * subtile.columns};
    DotProducts products(task.sums + p.begin[first_list + task.row_begin]);
    const T* soon = task.diff_dst + after.row * p.out_row() + after.column * p.out.pixel;
    for (int row = task.row_begin; row < task.row_end; ++row) {
      if (chunk == 0) prefetch_gradient<B>(p, soon + row * B * p.out.channel);
      const std::int32_t begin = p.begin[first_list + row], end = p.begin[first_list + row + 1];
      if (begin != end) {
        const RowGradient<T> gradient =
            row_gradient<B>(p, task.diff_dst, row, origin.row + r, origin.column + c, copy);
        if constexpr (B == 1) {
          add_single_weights<R>(p, begin, end, in, gradient, products);
        } else {
          add_weight_blocks(p, begin, end, in, gradient, task.sums);
        }
      }
      next.advance();
    }
    if (products.count > 0) products.flush();
  }
}

// Single weights have the gradient of a subtile in registers.
template <int B, int R>
Subtile weight_subtile(const SparsePass& pass) {
  return B == 1 ? kSubtile<B, R> : dot_product_subtile(pass.h.places(), pass.w.places());
}

template <int B, int R>
struct WeightPlan {
  SparsePlan sparse;
  int parts;    // of the images and their strips, each summed by itself
  float* sums;  // [parts * slices][sums_size]
  std::int64_t sums_size;

  WeightPlan(const SparsePass& pass, const SparseBlocks& blocks, ScratchLayout& scratch)
      : sparse(plan_sparse<B>(pass, blocks, weight_subtile<B, R>(pass), scratch, scratch)) {
    const std::int64_t strips = sparse.images * sparse.strips;
    parts = strips < kSparseTasks ? static_cast<int>(strips) : kSparseTasks;
    sums_size = (blocks.count * B * B + kSumsAhead + 15) / 16 * 16;
    sums = scratch.take<float>(std::int64_t{parts} * sparse.slices * sums_size);
  }
};

template <int B, int R, class T>
void backward_weights(const SparsePass& pass, const SparseBlocks& blocks, const T* src, const T* diff_dst,
                      float* diff_values, void* memory) {
  ScratchLayout scratch(memory);
  const WeightPlan<B, R> plan(pass, blocks, scratch);
  const SparsePlan& p = plan.sparse;
  fill_lists<B>(p, blocks, nullptr);

  const std::int64_t strips = p.images * p.strips;
  const int tasks = plan.parts * p.slices;
  parallel_for(tasks, [&](std::int64_t index) {
    const std::int64_t part = index / p.slices;
    WeightTask<T> task;
    task.row_begin = static_cast<int>(index % p.slices) * p.slice_rows;
    task.row_end = clamp(task.row_begin + p.slice_rows, 0, p.rows);
    task.copied = p.copied + thread_index() * p.copied_size;
    task.sums = plan.sums + index * plan.sums_size;
    for (std::int64_t i = 0; i < plan.sums_size; i += kLanes) store(task.sums + i, zero());
    for (std::int64_t i = strips * part / plan.parts; i < strips * (part + 1) / plan.parts; ++i) {
      const std::int64_t image = i / p.strips;
      const int strip = static_cast<int>(i % p.strips);
      task.src = src + image * p.in.image;
      task.diff_dst = diff_dst + image * p.out.image;
      task.tile_end = p.strip_begin(strip + 1);
      for (int tile = p.strip_begin(strip); tile < task.tile_end; ++tile) {
        for (int chunk = 0; chunk < p.chunks; ++chunk) add_weight_chunk<B, R>(p, task, tile, chunk);
      }
    }
  });

  constexpr std::int64_t kBlocksATask = 4096;
  parallel_for((blocks.count + kBlocksATask - 1) / kBlocksATask, [&](std::int64_t index) {
    const std::int64_t begin = index * kBlocksATask;
    const std::int64_t end = blocks.count - begin < kBlocksATask ? blocks.count : begin + kBlocksATask;
    for (std::int64_t k = begin; k < end; ++k) {
      float* to = diff_values + std::int64_t{p.source[k]} * B * B;
      for (int i = 0; i < B * B; ++i) {
        float total = 0.0f;
        for (int t = 0; t < tasks; ++t) total += plan.sums[t * plan.sums_size + k * B * B + i];
        to[i % B * B + i / B] = total;
      }
    }
  });
}

}  // namespace
}  // namespace espalier::kernels
