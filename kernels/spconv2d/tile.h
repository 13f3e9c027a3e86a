// The input of a tile, copied next to each other: zeros stand where it leaves its plane, and every offset of
// a kept block is the same for all pixels. Copying also brings the input near, which the scattered reads of
// the sums would wait for one by one.
#pragma once

#include "kernels/spconv2d/plan.h"

namespace espalier::kernels {
namespace {

// The first place of a tile.
struct TileOrigin {
  int row, column;
};

inline TileOrigin tile_origin(const SparsePlan& p, int tile) {
  return {tile / p.tiles_across * p.tile_rows, tile % p.tiles_across * p.tile_columns};
}

inline int clamp(int value, int low, int high) { return value < low ? low : value > high ? high : value; }

// Places [0, count) of a line whose inputs first + i * step lie in [0, in).
struct InsideLine {
  int begin, end;
};

inline InsideLine inside_line(int first, int step, int count, int in) {
  return {clamp((-first + step - 1) / step, 0, count), clamp((in - first + step - 1) / step, 0, count)};
}

// `in` is the plane of a chunk's first channel; the last chunk may have fewer than `channels` to fill. The
// copy is f32.
template <int B, class T>
void copy_tile(const SparsePlan& p, const T* in, int channels, TileOrigin origin, float* to) {
  const int row_step = p.h.in_phases(), column_step = p.w.in_phases();
  const int rows = p.tile_rows + p.range_h.span, columns = p.tile_columns + p.range_w.span;
  for (int c = 0; c < channels; ++c, in += p.in.channel) {
    for (int i = 0; i < p.plane_count; ++i) {
      const int first_row = (origin.row + p.range_h.low) * row_step + p.planes[i].row_phase;
      const int first_column = (origin.column + p.range_w.low) * column_step + p.planes[i].column_phase;
      const InsideLine inside = inside_line(first_column, column_step, columns, p.w.in);
      for (int row = 0; row < rows; ++row, to += p.pitch) {
        const int at = first_row + row * row_step;
        const bool empty = at < 0 || at >= p.h.in;
        const int begin = empty ? columns : inside.begin, end = empty ? columns : inside.end;
        const T* line = in + at * p.in_row() + first_column * p.in.pixel;
        for (int column = 0; column < begin; ++column) store(to + column * kLanes, zero());
        for (int column = begin; column < end; ++column) {
          store(to + column * kLanes, load(line + column * column_step * p.in.pixel));
        }
        for (int column = end; column < columns; ++column) store(to + column * kLanes, zero());
      }
    }
  }
  // Channels that fill up the last block: their values do not count, so neither may what is in memory.
  const int missing = (B - channels % B) % B;
  for (std::int64_t i = 0; i < missing * p.channel; i += kLanes) store(to + i, zero());
}

// Fetches what the next tile of a chunk adds to this one into the L2 cache, some lines after each subtile of
// sums. Rows are far apart: the hardware does not foresee them, and to copy them from memory would wait.
template <class T>
class NextTile {
 public:
  // Fetches all in `calls` calls of advance(); nothing when there is no next tile.
  NextTile(const SparsePlan& p, const T* in, int channels, int next, std::int64_t calls) : p_(p) {
    if (next >= p.tiles()) return;
    const TileOrigin origin = tile_origin(p, next);
    const int row = (origin.row + p.range_h.low) * p.h.in_phases();
    const int column = (origin.column + p.range_w.low) * p.w.in_phases();
    // The tile beside this one begins with columns that are there already.
    const int known = origin.column > 0 ? p.range_w.span * p.w.in_phases() : 0;
    const int begin = clamp(column + known, 0, p.w.in);
    const int end = clamp(column + (p.tile_columns + p.range_w.span) * p.w.in_phases(), 0, p.w.in);
    const int top = clamp(row, 0, p.h.in);
    const int bottom = clamp(row + (p.tile_rows + p.range_h.span) * p.h.in_phases(), 0, p.h.in);
    in_ = in + top * p.in_row() + begin * p.in.pixel;
    columns_ = end - begin;
    rows_ = bottom - top;
    left_ = std::int64_t{channels} * rows_ * columns_;
    step_ = (left_ + calls - 1) / calls;
  }

  void advance() {
    for (std::int64_t i = 0; i < step_ && left_ > 0; ++i, --left_) {
      __builtin_prefetch(in_ + row_ * p_.in_row() + column_ * p_.in.pixel, 0, 2);
      if (++column_ < columns_) continue;
      column_ = 0;
      if (++row_ < rows_) continue;
      row_ = 0;
      in_ += p_.in.channel;
    }
  }

 private:
  const SparsePlan& p_;
  const T* in_ = nullptr;
  std::int64_t left_ = 0, step_ = 0;
  int rows_ = 0, columns_ = 0, row_ = 0, column_ = 0;
};

}  // namespace
}  // namespace espalier::kernels
