// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/base/blocked_sum.h"
#include "kernels/base/parallel.h"
#include "kernels/base/vec.h"
#include "kernels/subimage/subimage.h"

namespace espalier::kernels {
namespace {

constexpr int kHaloChannels = 16;  // of a task

// Where pixel (y, x) of channel c of image n stands.
std::int64_t place(const SubimageShape& s, std::int64_t n, int c, int y, int x) {
  const int h = s.h(), w = s.w();
  const bool images = s.grid.lanes() == 1;
  const std::int64_t group = images ? n / kLanes : n;
  const std::int64_t lane = images ? n % kLanes : y / h * s.grid.columns + x / w;
  const std::int64_t plane = plane_vectors(std::int64_t{h} * w);
  return ((group * s.C + c) * plane + std::int64_t{y % h} * w + x % w) * kLanes + lane;
}

// Writes every lane of the planes of `s`: value(n, c, y, x), zeros where there is no image.
template <class Value>
void fill(const SubimageShape& s, float* dst, const Value& value) {
  const bool images = s.grid.lanes() == 1;
  const LaneShape lanes = s.lanes();
  parallel_for(lanes.G() * s.C, [&](std::int64_t task) {
    const std::int64_t group = task / s.C, first = images ? group * kLanes : group;
    const std::int64_t last = images ? first + lanes_in_group(s.N, group) : first + 1;
    const int c = static_cast<int>(task % s.C);
    float* plane = dst + task * lanes.P * kLanes;
    for (std::int64_t p = 0; p < lanes.P; ++p) store(plane + p * kLanes, zero());
    for (std::int64_t n = first; n < last; ++n) {
      for (int y = 0; y < s.H; ++y) {
        for (int x = 0; x < s.W; ++x) dst[place(s, n, c, y, x)] = value(n, c, y, x);
      }
    }
  });
}

void split(const SubimageShape& s, const float* plain, float* dst) {
  fill(s, dst,
       [&](std::int64_t n, int c, int y, int x) { return plain[((n * s.C + c) * s.H + y) * s.W + x]; });
}

void regrid(const SubimageShape& from, Subgrid grid, const float* src, float* dst) {
  SubimageShape to = from;
  to.grid = grid;
  fill(to, dst, [&](std::int64_t n, int c, int y, int x) { return src[place(from, n, c, y, x)]; });
}

// The pixel of a neighbour that a coordinate beyond the sub-image reads.
struct Neighbour {
  int steps, at;  // sub-images away, and the coordinate in that one
};

inline Neighbour neighbour(int coordinate, int size) {
  const int steps = (coordinate >= 0 ? coordinate : coordinate - size + 1) / size;
  return {steps, coordinate - steps * size};
}

// The lanes whose neighbour so many sub-images away exists, found once for all pixels.
class Existing {
 public:
  Existing(Subgrid grid, int far_rows, int far_columns)
      : rows_(far_rows < grid.rows ? far_rows : grid.rows - 1),
        columns_(far_columns < grid.columns ? far_columns : grid.columns - 1) {
    Mask16* lanes = lanes_;
    for (int rows = -rows_; rows <= rows_; ++rows) {
      for (int columns = -columns_; columns <= columns_; ++columns) *lanes++ = find(grid, rows, columns);
    }
  }

  // Is there any? If not, what would be read may lie beyond the buffer.
  bool any(int rows, int columns) const {
    return rows >= -rows_ && rows <= rows_ && columns >= -columns_ && columns <= columns_;
  }
  Mask16 lanes(int rows, int columns) const {
    return lanes_[(rows + rows_) * (2 * columns_ + 1) + columns + columns_];
  }

 private:
  static Mask16 find(Subgrid grid, int rows, int columns) {
    std::uint8_t exists[kLanes] = {}, *lane = exists;
    for (int row = rows; row < grid.rows + rows; ++row) {
      for (int column = columns; column < grid.columns + columns; ++column) {
        *lane++ = row >= 0 && row < grid.rows && column >= 0 && column < grid.columns ? 1 : 0;
      }
    }
    return mask_from_bytes(exists);
  }

  static constexpr int kMost = 49;  // 4x4 lanes: 3 steps to either side, twice

  int rows_, columns_;
  Mask16 lanes_[kMost];
};

void halo(const SubimageShape& s, int PH, int PW, const float* src, float* dst) {
  const int h = s.h(), w = s.w(), rows = h + 2 * PH, columns = w + 2 * PW;
  const std::int64_t from_plane = plane_vectors(std::int64_t{h} * w) * kLanes;
  const std::int64_t to_plane = plane_vectors(std::int64_t{rows} * columns) * kLanes;
  const int pieces = (s.C + kHaloChannels - 1) / kHaloChannels;
  const Existing existing(s.grid, (PH + h - 1) / h, (PW + w - 1) / w);
  parallel_for(s.N * pieces, [&](std::int64_t task) {
    const int first = static_cast<int>(task % pieces) * kHaloChannels;
    const int channels = s.C - first < kHaloChannels ? s.C - first : kHaloChannels;
    const float* from = src + (task / pieces * s.C + first) * from_plane;
    float* to = dst + (task / pieces * s.C + first) * to_plane;
    for (int row = 0; row < rows; ++row) {
      const Neighbour y = neighbour(row - PH, h);
      for (int column = 0; column < columns; ++column) {
        const Neighbour x = neighbour(column - PW, w);
        float* out = to + (std::int64_t{row} * columns + column) * kLanes;
        if (!existing.any(y.steps, x.steps)) {
          for (int c = 0; c < channels; ++c) store(out + c * to_plane, zero());
          continue;
        }
        const Mask16 exists = existing.lanes(y.steps, x.steps);
        const float* in =
            from + (std::int64_t{y.at} * w + x.at) * kLanes + y.steps * s.grid.columns + x.steps;
        if (y.steps == 0 && x.steps == 0) {
          for (int c = 0; c < channels; ++c) store(out + c * to_plane, load(in + c * from_plane));
        } else {
          for (int c = 0; c < channels; ++c) {
            store(out + c * to_plane, select(exists, load(in + c * from_plane), zero()));
          }
        }
      }
    }
    if (rows * columns % 2 == 0) {
      for (int c = 1; c <= channels; ++c) store(to + c * to_plane - kLanes, zero());
    }
  });
}

void global_average(const SubimageShape& s, const float* src, float* dst) {
  const LaneShape lanes = s.lanes();
  const float scale = 1.0f / (static_cast<float>(s.H) * static_cast<float>(s.W));
  const Mask16 in_grid = first_lanes(s.grid.lanes());
  parallel_for(groups(s.N) * s.C, [&](std::int64_t task) {
    const std::int64_t group = task / s.C, c = task % s.C;
    float* means = dst + task * kLanes;
    store(means, zero());
    for (int i = 0; i < lanes_in_group(s.N, group); ++i) {
      const float* plane = src + ((group * kLanes + i) * s.C + c) * lanes.P * kLanes;
      const Vec sums = lane_sum(lanes.HW, [&](std::int64_t p) { return load(plane + p * kLanes); });
      means[i] = sum(select(in_grid, sums, zero())) * scale;
    }
  });
}

}  // namespace

template <>
const SubimageKernels& kernels_for<SubimageKernels, kCompiledIsa>() {
  static constexpr SubimageKernels kernels = {
      .isa = kCompiledIsa, .split = split, .regrid = regrid, .halo = halo, .global_average = global_average};
  return kernels;
}

}  // namespace espalier::kernels
