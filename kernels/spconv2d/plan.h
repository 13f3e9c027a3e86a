// How a pass is cut, for the caches, and where its kept blocks go.
//
//   tile       output places computed together, their input copied next to each other first
//   chunk      input channels that a tile's sums take in before they go back to memory
//   subtile    what the registers hold (subtile.h)
//
// A kept block is then two numbers: its value and the offset of its input from the subtile's place in the
// copied tile. They are sorted here by [output plane][chunk][row], the order in which they are used.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/base/scratch.h"
#include "kernels/base/vec.h"
#include "kernels/spconv2d/shifts.h"
#include "kernels/spconv2d/spconv2d.h"
#include "kernels/spconv2d/subtile.h"

namespace espalier::kernels {
namespace {

// Subtiles have R rows: those of a square, or one.
template <int B>
inline constexpr int kSquareRows = square_subtile(kVecIsa, B).rows;
template <int B, int R>
inline constexpr Subtile kSubtile = R == 1 ? row_subtile(kVecIsa, B) : square_subtile(kVecIsa, B);

// A chunk's input under a subtile should lie in the L1 cache; but sums that are fetched and put back need so
// many multiply-adds between, or the fetching is what takes the time.
constexpr std::int64_t kChunkBytes = 28 * 1024;
// Blocks meet an input with all their output channels at once, and can do with the L2 cache's pace for
// longer.
template <int B>
constexpr double kChunkWork = B == 1 ? 400 : 1000;
// What a tile copies and sums should lie in the L2 cache, with room for the next tile's input.
constexpr std::int64_t kTileBytes = 400 * 1024;
// Enough tasks to keep a few threads busy.
constexpr int kSparseTasks = 8;

inline int divide_up(std::int64_t a, std::int64_t b) { return static_cast<int>((a + b - 1) / b); }

// Where a column of kept blocks goes, whatever the row: into the list `list` + row, with its input so many
// floats from the subtile's place in the copied tile.
struct ColumnPlace {
  std::int32_t list, offset;
};

// A plane of the input that some tap reads.
struct InputPlane {
  int row_phase, column_phase;
};

// Floats from one channel, pixel or group of 16 images to the next. Rows of pixels follow each other.
struct SparseStrides {
  std::int64_t channel, pixel, image;
};

// What is summed: a convolution's pass, as it lies in memory.
struct SparsePass {
  int M, C;  // channels of the output and of the input
  int taps;
  ShiftAxis h, w;
  std::int64_t images;  // groups of 16
  SparseStrides in, out;
  Conv2dPass pass;

  bool weights() const { return pass == Conv2dPass::backward_weights; }
  std::int64_t in_row() const { return w.in * in.pixel; }
  std::int64_t out_row() const { return w.out * out.pixel; }
};

struct SparsePlan : SparsePass {
  explicit SparsePlan(const SparsePass& summed) : SparsePass(summed) {}

  int rows;  // blocks of output channels
  ShiftRange range_h, range_w;

  Subtile subtile;
  int out_planes;
  InputPlane* planes;  // [plane_count]
  int plane_count;
  int tile_rows, tile_columns;   // places
  std::int64_t pitch, channel;   // floats of a row and of a channel in the copied tile
  int chunk_blocks, chunks;      // blocks of input channels in a chunk
  int tiles_down, tiles_across;  // tiles of a plane
  int strips;                    // of the tiles: tasks
  int slices, slice_rows;        // of the rows, where there are few images

  ColumnPlace* columns;  // [blocks of input channels][taps]
  std::int32_t* begin;   // [out_planes][chunks][rows] and one more: blocks in order
  std::int32_t* offset;  // [count]
  std::int32_t* source;  // [count] which block of SparseBlocks::by_output; only for backward weights
  float* values;         // [count][B input channels][B output channels]; not for backward weights
  float* copied;         // [threads][chunk_blocks * B][channel]
  std::int64_t copied_size;

  std::int64_t list(int plane, int chunk, int row) const {
    return (std::int64_t{plane} * chunks + chunk) * rows + row;
  }
  std::int64_t lists() const { return std::int64_t{out_planes} * chunks * rows; }
  int tiles() const { return tiles_down * tiles_across; }
  int strip_begin(int strip) const { return static_cast<int>(std::int64_t{tiles()} * strip / strips); }
};

// Input planes that some tap reads, in the order of the taps that read them first.
inline void find_planes(SparsePlan& p, ScratchLayout& scratch) {
  const int most = p.h.in_phases() * p.w.in_phases();
  const auto used = [](const ShiftAxis& axis, int phase) {
    for (int k = 0; k < axis.kernel; ++k) {
      if (shift_of(axis, k).in_phase == phase) return true;
    }
    return false;
  };
  p.planes = scratch.take<InputPlane>(most);
  p.plane_count = 0;
  for (int i = 0; i < most; ++i) {
    const InputPlane plane = {i / p.w.in_phases(), i % p.w.in_phases()};
    if (!used(p.h, plane.row_phase) || !used(p.w, plane.column_phase)) continue;
    if (p.planes != nullptr) p.planes[p.plane_count] = plane;
    ++p.plane_count;
  }
}

// Chooses tile and chunk. `sums` says whether a tile's sums need memory while they wait for the next chunk.
template <int B>
void choose_sizes(SparsePlan& p, std::int64_t count, bool sums) {
  const int subtile_rows = p.subtile.rows, subtile_columns = p.subtile.columns;
  const int channel_blocks = divide_up(p.C, B);
  const auto vectors = [&](int rows, int columns) {
    return std::int64_t{p.plane_count} * (rows + p.range_h.span) * (columns + p.range_w.span);
  };
  const double work_of_block = static_cast<double>(count) * B * B * subtile_rows * subtile_columns /
                               (static_cast<double>(p.rows) * channel_blocks);
  const std::int64_t block_bytes = vectors(subtile_rows, subtile_columns) * B * kLanes * 4;
  const auto fitting = [&](std::int64_t bytes) { return static_cast<double>(bytes) / block_bytes; };
  double blocks = fitting(kChunkBytes);
  if (blocks * work_of_block < kChunkWork<B>) blocks = kChunkWork<B> / (work_of_block + 1e-9);
  if (blocks > fitting(kTileBytes)) blocks = fitting(kTileBytes);
  p.chunk_blocks = blocks < 1.0 ? 1 : blocks > channel_blocks ? channel_blocks : static_cast<int>(blocks);
  p.chunks = divide_up(channel_blocks, p.chunk_blocks);
  p.chunk_blocks = divide_up(channel_blocks, p.chunks);

  const auto tile_bytes = [&](int rows, int columns) {
    const std::int64_t sum_vectors =
        sums && p.chunks > 1 ? std::int64_t{p.out_planes} * p.rows * B * rows * columns : 0;
    return (p.chunk_blocks * B * vectors(rows, columns) + sum_vectors) * kLanes * 4;
  };
  p.tile_rows = subtile_rows;
  p.tile_columns = subtile_columns;
  for (bool grown = true; grown;) {
    grown = false;
    const int wider = p.tile_columns + subtile_columns, taller = p.tile_rows + subtile_rows;
    if (p.tile_columns < p.w.places() && tile_bytes(p.tile_rows, wider) <= kTileBytes &&
        (p.tile_columns <= p.tile_rows || p.tile_rows >= p.h.places())) {
      p.tile_columns = wider;
      grown = true;
    } else if (p.tile_rows < p.h.places() && tile_bytes(taller, p.tile_columns) <= kTileBytes) {
      p.tile_rows = taller;
      grown = true;
    }
  }
}

// The lists lie in memory of their own: one that stays, when they were prepared.
template <int B>
SparsePlan plan_sparse(const SparsePass& pass, const SparseBlocks& blocks, Subtile subtile,
                       ScratchLayout& scratch, ScratchLayout& lists) {
  SparsePlan p(pass);
  p.subtile = subtile;
  p.rows = divide_up(p.M, B);
  p.range_h = shift_range(p.h);
  p.range_w = shift_range(p.w);
  p.out_planes = p.h.out_phases() * p.w.out_phases();
  find_planes(p, scratch);
  choose_sizes<B>(p, blocks.count, !p.weights());
  p.pitch = std::int64_t{p.tile_columns + p.range_w.span} * kLanes;
  p.channel = p.plane_count * (p.tile_rows + p.range_h.span) * p.pitch;
  p.tiles_down = divide_up(p.h.places(), p.tile_rows);
  p.tiles_across = divide_up(p.w.places(), p.tile_columns);
  // Weights' gradients are summed strip by strip: no more of them than tasks are wanted.
  const int wanted = divide_up(kSparseTasks, p.images);
  p.strips = p.tiles_down > 1 && !p.weights() ? p.tiles_down : wanted < p.tiles() ? wanted : p.tiles();
  p.slice_rows = divide_up(p.rows, divide_up(kSparseTasks, p.images * p.strips));
  p.slices = divide_up(p.rows, p.slice_rows);

  p.columns = scratch.take<ColumnPlace>(std::int64_t{divide_up(p.C, B)} * p.taps);
  p.begin = lists.take<std::int32_t>(p.lists() + 2);
  p.offset = lists.take<std::int32_t>(blocks.count);
  p.source = p.weights() ? lists.take<std::int32_t>(blocks.count) : nullptr;
  p.values = p.weights() ? nullptr : lists.take<float>(blocks.count * B * B);
  p.copied_size = p.chunk_blocks * B * p.channel;
  p.copied = scratch.take<float>(num_threads() * p.copied_size);
  return p;
}

// So that filling the lists looks up what it would take two divisions a block to find.
template <int B>
void place_columns(const SparsePlan& p) {
  const std::int64_t plane = p.channel / p.plane_count;
  for (int tap = 0; tap < p.taps; ++tap) {
    const Shift h = shift_of(p.h, tap / p.w.kernel), w = shift_of(p.w, tap % p.w.kernel);
    int index = 0;
    while (p.planes[index].row_phase != h.in_phase || p.planes[index].column_phase != w.in_phase) ++index;
    const std::int64_t offset = index * plane + (h.distance - p.range_h.low) * p.pitch +
                                std::int64_t{w.distance - p.range_w.low} * kLanes;
    const int out_plane = h.out_phase * p.w.out_phases() + w.out_phase;
    ColumnPlace* to = p.columns + tap;
    for (int chunk = 0, channel = 0; channel < p.C; ++chunk) {
      for (int i = 0; i < p.chunk_blocks && channel < p.C; ++i, channel += B, to += p.taps) {
        *to = {static_cast<std::int32_t>(p.list(out_plane, chunk, 0)),
               static_cast<std::int32_t>(i * B * p.channel + offset)};
      }
    }
  }
}

// body(row) for every row of blocks, in parallel. Neighbouring rows count in neighbouring numbers: a line of
// them is the work of one task, or it would go to and fro between cores.
template <class Body>
void for_each_row_of_blocks(const SparsePlan& p, const Body& body) {
  constexpr int kRowsATask = 16;
  parallel_for(divide_up(p.rows, kRowsATask), [&](std::int64_t task) {
    const int first = static_cast<int>(task) * kRowsATask;
    for (int row = first; row < first + kRowsATask && row < p.rows; ++row) body(row);
  });
}

// Sets begin[i + 1] to where list i begins.
inline void count_blocks(const SparsePlan& p, const SparseRows& from) {
  const std::int64_t lists = p.lists();
  p.begin[0] = 0;
  if (lists == p.rows) {  // a list is a row
    for (std::int64_t i = 0; i < lists; ++i) p.begin[i + 1] = from.begin[i];
    return;
  }
  for (std::int64_t i = 1; i < lists + 2; ++i) p.begin[i] = 0;
  for_each_row_of_blocks(p, [&](int row) {
    for (std::int32_t k = from.begin[row]; k < from.begin[row + 1]; ++k) {
      ++p.begin[p.columns[from.column[k]].list + row + 2];
    }
  });
  for (std::int64_t i = 2; i < lists + 2; ++i) p.begin[i] += p.begin[i - 1];
}

// Fills the lists. A row's blocks are counted and placed by one task.
template <int B>
void fill_lists(const SparsePlan& p, const SparseBlocks& blocks, const float* values) {
  const bool backward = p.pass == Conv2dPass::backward_data;
  const SparseRows& from = backward ? blocks.by_input : blocks.by_output;
  place_columns<B>(p);
  count_blocks(p, from);
  // Placing a list's blocks moves begin[i + 1] from where list i begins to where it ends.
  for_each_row_of_blocks(p, [&](int row) {
    for (std::int32_t k = from.begin[row]; k < from.begin[row + 1]; ++k) {
      const ColumnPlace column = p.columns[from.column[k]];
      const std::int32_t to = p.begin[column.list + row + 1]++;
      const std::int32_t source = backward ? blocks.place[k] : k;
      p.offset[to] = column.offset;
      if (p.source != nullptr) p.source[to] = source;
      if (p.values == nullptr) continue;
      // A block of values has a row for each output channel of the convolution.
      const float* value = values + std::int64_t{source} * B * B;
      float* packed = p.values + std::int64_t{to} * B * B;
      for (int c = 0; c < B; ++c) {
        for (int m = 0; m < B; ++m) packed[c * B + m] = backward ? value[c * B + m] : value[m * B + c];
      }
    }
  });
}

}  // namespace
}  // namespace espalier::kernels
