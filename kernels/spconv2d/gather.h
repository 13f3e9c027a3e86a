// Forward and backward data: both gather. Every output channel reads its list of kept blocks, and a block
// costs one multiply-add a place for each of its weights, whatever there is in between.
#pragma once

#include "kernels/base/opaque.h"
#include "kernels/conv2d/past_caches.h"
#include "kernels/spconv2d/tile.h"

namespace espalier::kernels {
namespace {

// The sums of B output channels over a subtile: in registers while a list runs.
template <int B, int R>
struct SubtileSums {
  static constexpr int kRows = R, kColumns = kSubtile<B, R>.columns, kPlaces = kRows * kColumns;
  static constexpr std::int64_t kFloats = std::int64_t{B} * kPlaces * kLanes;
  Vec v[B][kRows][kColumns];

  // body(channel, row, column, vector)
  template <class Body>
  ESPALIER_INLINE void each(const Body& body) {
    ESPALIER_UNROLL for (int m = 0; m < B; ++m) {
      ESPALIER_UNROLL for (int r = 0; r < kRows; ++r) {
        ESPALIER_UNROLL for (int c = 0; c < kColumns; ++c) body(m, r, c, v[m][r][c]);
      }
    }
  }
  static constexpr int at(int m, int r, int c) { return ((m * kRows + r) * kColumns + c) * kLanes; }
};

// Where a subtile of the output goes: place (r, c) of channel m is at out + m * channel + r * row + c *
// column.
template <class T>
struct OutputPlaces {
  T* out;
  std::int64_t channel, row, column;
  int channels, rows, columns;  // that exist
};

template <int B, int R, class T>
ESPALIER_INLINE void write_sums(SubtileSums<B, R>& sums, const OutputPlaces<T>& to, bool past_caches) {
  using Sums = SubtileSums<B, R>;
  const bool whole = to.channels >= B && to.rows >= Sums::kRows && to.columns >= Sums::kColumns;
  if (whole && past_caches) {
    sums.each([&](int m, int r, int c, Vec& v) __attribute__((always_inline)) {
      stream(to.out + m * to.channel + r * to.row + c * to.column, v);
    });
  } else if (whole) {
    sums.each([&](int m, int r, int c, Vec& v) __attribute__((always_inline)) {
      store(to.out + m * to.channel + r * to.row + c * to.column, v);
    });
  } else {
    alignas(64) float waiting[Sums::kFloats];
    sums.each([&](int m, int r, int c, Vec& v)
                  __attribute__((always_inline)) { store(waiting + Sums::at(m, r, c), v); });
    for (int m = 0; m < B && m < to.channels; ++m) {
      for (int r = 0; r < Sums::kRows && r < to.rows; ++r) {
        for (int c = 0; c < Sums::kColumns && c < to.columns; ++c) {
          store(to.out + m * to.channel + r * to.row + c * to.column, load(waiting + Sums::at(m, r, c)));
        }
      }
    }
  }
}

// sums += the blocks of a list. `in` is the subtile's place in the copied tile.
template <int B, int R>
ESPALIER_INLINE void add_blocks(const SparsePlan& p, std::int32_t begin, std::int32_t end, const float* in,
                                SubtileSums<B, R>& sums) {
  const std::int64_t pitch = p.pitch, channel = p.channel;
  const std::int32_t* offset = p.offset + begin;
  const std::int32_t* const last = p.offset + end;
  const float* value = p.values + std::int64_t{begin} * B * B;
  for (; offset != last; ++offset, value += B * B) {
    const float* at = in + *offset;
    ESPALIER_UNROLL for (int k = 0; k < B; ++k, at = opaque(at + channel)) {
      const float* line = at;
      Vec w[B];
      ESPALIER_UNROLL for (int m = 0; m < B; ++m) w[m] = broadcast(value[k * B + m]);
      ESPALIER_UNROLL for (int r = 0; r < SubtileSums<B, R>::kRows; ++r, line = opaque(line + pitch)) {
        ESPALIER_UNROLL for (int c = 0; c < SubtileSums<B, R>::kColumns; ++c) {
          const Vec x = load(line + c * kLanes);
          ESPALIER_UNROLL for (int m = 0; m < B; ++m) sums.v[m][r][c] = fma(w[m], x, sums.v[m][r][c]);
        }
      }
    }
  }
}

// What the outputs become besides the sums; residual lies as the output.
template <class T>
struct SparseFinish {
  const float* bias = nullptr;  // null: none
  const T* residual = nullptr;
  bool relu = false;

  bool plain() const { return residual == nullptr && !relu; }
};

// sums = [relu] (sums [+ residual]); `out` is where the residual's first element goes.
template <int B, int R, class T>
void finish_sums(SubtileSums<B, R>& sums, const OutputPlaces<T>& to, const SparseFinish<T>& finish,
                 const T* out) {
  sums.each([&](int m, int r, int c, Vec& v) __attribute__((always_inline)) {
    const bool exists = m < to.channels && r < to.rows && c < to.columns;
    if (finish.residual != nullptr && exists) {
      v += load(finish.residual + (to.out - out) + m * to.channel + r * to.row + c * to.column);
    }
    if (finish.relu) v = max(zero(), v);
  });
}

// What one task computes: rows [row_begin, row_end) of the tiles [tile_begin, tile_end) of a group of images.
template <class T>
struct GatherTask {
  const T* in;  // of the group
  T* out;
  SparseFinish<T> finish;
  int row_begin, row_end, tile_begin, tile_end;
  float* copied;
  float* waiting;  // [out_planes][subtiles][rows][SubtileSums::kFloats]; unused with one chunk
};

template <int B, int R, class T>
void gather_chunk(const SparsePlan& p, const GatherTask<T>& task, int tile, int chunk, bool past_caches) {
  using Sums = SubtileSums<B, R>;
  const float* bias = task.finish.bias;
  const int first_channel = chunk * p.chunk_blocks * B;
  const int channels = p.C - first_channel < p.chunk_blocks * B ? p.C - first_channel : p.chunk_blocks * B;
  const T* in = task.in + first_channel * p.in.channel;
  const TileOrigin origin = tile_origin(p, tile);
  copy_tile<B>(p, in, channels, origin, task.copied);

  const int down = p.tile_rows / Sums::kRows, across = p.tile_columns / Sums::kColumns;
  const int rows = task.row_end - task.row_begin;
  NextTile<T> next(p, in, channels, tile + 1 < task.tile_end ? tile + 1 : p.tiles(),
                   std::int64_t{p.out_planes} * down * across * rows);
  float* waiting = task.waiting;
  for (int plane = 0; plane < p.out_planes; ++plane) {
    const int row_phase = plane / p.w.out_phases(), column_phase = plane % p.w.out_phases();
    for (int subtile = 0; subtile < down * across; ++subtile) {
      const int r = subtile / across * Sums::kRows, c = subtile % across * Sums::kColumns;
      const float* subtile_in = task.copied + r * p.pitch + c * kLanes;
      // The subtile's first pixel of the output, and how many places of it exist.
      const int out_row = (origin.row + r) * p.h.out_phases() + row_phase;
      const int out_column = (origin.column + c) * p.w.out_phases() + column_phase;
      OutputPlaces<T> to;
      to.channel = p.out.channel;
      to.row = p.h.out_phases() * p.out_row();
      to.column = p.w.out_phases() * p.out.pixel;
      to.rows = divide_up(p.h.out - out_row, p.h.out_phases());
      to.columns = divide_up(p.w.out - out_column, p.w.out_phases());
      for (int row = task.row_begin; row < task.row_end; ++row, waiting += Sums::kFloats) {
        to.channels = p.M - row * B;
        Sums sums;
        if (chunk > 0) {
          sums.each([&](int m, int i, int j, Vec& v)
                        __attribute__((always_inline)) { v = load(waiting + Sums::at(m, i, j)); });
        } else {
          sums.each([&](int m, int, int, Vec& v) __attribute__((always_inline)) {
            v = bias != nullptr && m < to.channels ? broadcast(bias[row * B + m]) : zero();
          });
        }
        const std::int64_t list = p.list(plane, chunk, row);
        add_blocks(p, p.begin[list], p.begin[list + 1], subtile_in, sums);
        if (chunk + 1 < p.chunks) {
          sums.each([&](int m, int i, int j, Vec& v)
                        __attribute__((always_inline)) { store(waiting + Sums::at(m, i, j), v); });
        } else if (to.rows > 0 && to.columns > 0) {
          to.out = task.out + row * B * p.out.channel + out_row * p.out_row() + out_column * p.out.pixel;
          if (!task.finish.plain()) finish_sums(sums, to, task.finish, task.out);
          write_sums(sums, to, past_caches);
        }
        next.advance();
      }
    }
  }
}

template <int B, int R>
struct GatherPlan {
  SparsePlan sparse;
  float* waiting;  // [threads][waiting_size]
  std::int64_t waiting_size;

  GatherPlan(const SparsePass& pass, const SparseBlocks& blocks, ScratchLayout& scratch, ScratchLayout& lists)
      : sparse(plan_sparse<B>(pass, blocks, kSubtile<B, R>, scratch, lists)) {
    const SparsePlan& p = sparse;
    waiting_size =
        p.chunks == 1 ? 0
                      : std::int64_t{p.out_planes} * p.tile_rows * p.tile_columns * p.slice_rows * B * kLanes;
    waiting = scratch.take<float>(num_threads() * waiting_size);
  }
};

// `in` is src or diff_dst, `out` dst or diff_src.
template <class T>
struct GatherArgs {
  const T* in;
  const float* values;
  const void* prepared;  // lists; null: made of values
  SparseFinish<T> finish;
  T* out;
  void* scratch;
};

template <int B, int R, class T>
void gather(const SparsePass& pass, const SparseBlocks& blocks, const GatherArgs<T>& args) {
  ScratchLayout scratch(args.scratch), kept(const_cast<void*>(args.prepared));
  const GatherPlan<B, R> plan(pass, blocks, scratch, args.prepared == nullptr ? scratch : kept);
  const SparsePlan& p = plan.sparse;
  if (args.prepared == nullptr) fill_lists<B>(p, blocks, args.values);

  const bool past_caches = goes_past_caches<T>(p.images * p.out.image);
  parallel_for(p.images * p.strips * p.slices, [&](std::int64_t index) {
    const std::int64_t image = index / p.slices / p.strips;
    const int strip = static_cast<int>(index / p.slices % p.strips);
    GatherTask<T> task;
    task.in = args.in + image * p.in.image;
    task.out = args.out + image * p.out.image;
    task.finish = args.finish;
    if (task.finish.residual != nullptr) task.finish.residual += image * p.out.image;
    task.row_begin = static_cast<int>(index % p.slices) * p.slice_rows;
    task.row_end = clamp(task.row_begin + p.slice_rows, 0, p.rows);
    task.tile_begin = p.strip_begin(strip);
    task.tile_end = p.strip_begin(strip + 1);
    task.copied = p.copied + thread_index() * p.copied_size;
    task.waiting = plan.waiting + thread_index() * plan.waiting_size;
    for (int tile = task.tile_begin; tile < task.tile_end; ++tile) {
      for (int chunk = 0; chunk < p.chunks; ++chunk) {
        gather_chunk<B, R>(p, task, tile, chunk, past_caches);
      }
    }
    if (past_caches) stream_fence();
  });
}

// Forward and backward data over activations of T, as a family's args name them.
template <int B, int R, class T>
void gather_forward(const SparsePass& pass, const SparseBlocks& blocks, const SpConv2dArgs& args) {
  gather<B, R, T>(pass, blocks,
                  {.in = static_cast<const T*>(args.src),
                   .values = args.values,
                   .prepared = args.prepared,
                   .finish = {args.bias, static_cast<const T*>(args.residual), args.relu},
                   .out = static_cast<T*>(args.dst),
                   .scratch = args.scratch});
}

template <int B, int R, class T>
void gather_backward_data(const SparsePass& pass, const SparseBlocks& blocks, const SpConv2dArgs& args) {
  gather<B, R, T>(pass, blocks,
                  {.in = static_cast<const T*>(args.diff_dst),
                   .values = args.values,
                   .prepared = nullptr,
                   .finish = {},
                   .out = static_cast<T*>(args.diff_src),
                   .scratch = args.scratch});
}

}  // namespace
}  // namespace espalier::kernels
