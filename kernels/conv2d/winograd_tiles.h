// How Winograd cuts a convolution into tiles of outputs, and reads the inputs of each. A is the algorithm,
// F4x4 or F2x2.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/winograd_transforms.h"

namespace espalier::kernels {
namespace {

// A 3x3 convolution of stride 1 as a list of tiles: tile t covers kTile x kTile outputs of the 16 images of a
// group, in the order [group][tile row][tile column]. Tiles at the right and lower edge may reach beyond the
// output.
template <class A>
struct TiledConv {
  static constexpr int kTile = A::kTile;

  std::int64_t G;  // groups of 16 images
  int IC, IH, IW;
  int OC, OH, OW;
  int PH, PW;

  struct Tile {
    std::int64_t g;
    int row, col;
  };

  int tile_rows() const { return (OH + kTile - 1) / kTile; }
  int tile_cols() const { return (OW + kTile - 1) / kTile; }
  std::int64_t tiles() const { return G * tile_rows() * tile_cols(); }
  Tile tile(std::int64_t t) const {
    const std::int64_t row = t / tile_cols();
    return {row / tile_rows(), static_cast<int>(row % tile_rows()), static_cast<int>(t % tile_cols())};
  }
  // Elements from one channel to the next.
  std::int64_t src_plane() const { return plane_vectors(std::int64_t{IH} * IW) * kLanes; }
  std::int64_t dst_plane() const { return plane_vectors(std::int64_t{OH} * OW) * kLanes; }

  static TiledConv forward(const Conv2dShape& s) {
    return {groups(s.N), s.IC, s.IH, s.IW, s.OC, s.OH(), s.OW(), s.PH, s.PW};
  }
  // The gradient of the input is a convolution of the output's gradient with the taps turned by 180 degrees.
  static TiledConv backward_data(const Conv2dShape& s) {
    return {groups(s.N), s.OC, s.OH(), s.OW(), s.IC, s.IH, s.IW, s.KH - 1 - s.PH, s.KW - 1 - s.PW};
  }
};

// Whether the shape has Winograd's form and is one that it wins, for a pass over OH x OW outputs. Measured
// against the direct kernels: tiles must not waste more than half of the outputs they compute (5x5 breaks
// even, 2x2 loses by half), and with few channels the transforms cost more than the products save (8 -> 16
// gains, 8 -> 8 does not).
template <class A>
bool winograd_wins(const Conv2dShape& s, int OH, int OW) {
  constexpr int kTile = A::kTile;
  const std::int64_t computed =
      std::int64_t{(OH + kTile - 1) / kTile} * ((OW + kTile - 1) / kTile) * kTile * kTile;
  return s.KH == 3 && s.KW == 3 && s.SH == 1 && s.SW == 1 && s.groups == 1 && s.PH <= 2 && s.PW <= 2 &&
         2 * std::int64_t{OH} * OW >= computed && s.IC >= 8 && s.OC >= 8 && std::int64_t{s.IC} * s.OC >= 128;
}

// Distance between frequencies, in floats: an odd number of cache lines, so that 36 of them spread over the
// cache.
constexpr std::int64_t frequency_stride(std::int64_t floats) {
  return ((floats + kLanes - 1) / kLanes | 1) * kLanes;
}

constexpr int kMaxRun = 8;  // tiles of one row transformed together
template <class A>
constexpr int kMaxRunCols = A::kTile* kMaxRun + A::kInput - A::kTile;  // input columns they share
template <class A, class T>
alignas(64) constexpr T kZeroRow[kMaxRunCols<A> * kLanes] = {};

// Transforms the inputs of `count` <= kMaxRun neighbouring tiles, the first at `first`, of kChannels
// channels, of which `channels` exist: the others are zero. src is the first channel's plane in the tiles'
// group. Frequency f of tile r goes to put(address(r) + f * stride, values of the channels).
template <int kChannels, class A, class T, class Address, class Put>
void transform_input(const TiledConv<A>& conv, const T* src, int channels,
                     const typename TiledConv<A>::Tile& first, int count, std::int64_t stride,
                     const Address& address, const Put& put) {
  constexpr int N = A::kInput;
  const int ih0 = first.row * A::kTile - conv.PH, iw0 = first.col * A::kTile - conv.PW;
  const int cols = A::kTile * count + N - A::kTile;
  alignas(64) float half[kChannels][N][kMaxRunCols<A>][kLanes];  // columns done, rows to do
  for (int c = 0; c < kChannels; ++c) {
    const T* rows[N];  // each points at column iw0
    for (int i = 0; i < N; ++i) {
      const int ih = ih0 + i;
      const bool inside = c < channels && ih >= 0 && ih < conv.IH;
      rows[i] =
          inside ? src + c * conv.src_plane() + (std::int64_t{ih} * conv.IW + iw0) * kLanes : kZeroRow<A, T>;
    }
    for (int j = 0; j < cols; ++j) {
      Vec d[N], out[N];
      const bool inside = iw0 + j >= 0 && iw0 + j < conv.IW;
      if (inside) {
        ESPALIER_UNROLL for (int i = 0; i < N; ++i) d[i] = load(rows[i] + j * kLanes);
        A::input(d, out);
      } else {
        ESPALIER_UNROLL for (int i = 0; i < N; ++i) out[i] = zero();
      }
      ESPALIER_UNROLL for (int i = 0; i < N; ++i) store(half[c][i][j], out[i]);
    }
  }
  for (int r = 0; r < count; ++r) {
    auto* out_r = address(r);
    for (int i = 0; i < N; ++i) {
      Vec values[N][kChannels];
      ESPALIER_UNROLL for (int c = 0; c < kChannels; ++c) {
        Vec d[N], out[N];
        ESPALIER_UNROLL for (int j = 0; j < N; ++j) d[j] = load(half[c][i][A::kTile * r + j]);
        A::input(d, out);
        ESPALIER_UNROLL for (int j = 0; j < N; ++j) values[j][c] = out[j];
      }
      ESPALIER_UNROLL for (int j = 0; j < N; ++j) put(out_r + (N * i + j) * stride, values[j]);
    }
  }
}

// Calls run(tile, index, count) for the tiles t0 .. t1-1 cut at the ends of rows; index counts from t0.
template <class A, class Run>
void for_each_run(const TiledConv<A>& conv, std::int64_t t0, std::int64_t t1, const Run& run) {
  for (std::int64_t t = t0; t < t1;) {
    const typename TiledConv<A>::Tile tile = conv.tile(t);
    std::int64_t count = conv.tile_cols() - tile.col;
    if (count > t1 - t) count = t1 - t;
    if (count > kMaxRun) count = kMaxRun;
    run(tile, static_cast<int>(t - t0), static_cast<int>(count));
    t += count;
  }
}

// Fetches into the L2 cache, a few lines at a time between other work, what the tiles t0 .. t1-1 read.
class TilePrefetcher {
 public:
  TilePrefetcher() = default;

  // Plane of [H*W | 1] vectors, C channels; window of the tiles: from kTile*tile - pad, `reach`
  // long.
  template <class A, class T>
  TilePrefetcher(const TiledConv<A>& conv, const T* base, int C, int H, int W, std::int64_t plane, int PH,
                 int PW, int reach, std::int64_t t0, std::int64_t t1) {
    if (t0 >= t1) return;
    constexpr int kTile = A::kTile;
    const typename TiledConv<A>::Tile first = conv.tile(t0), last = conv.tile(t1 - 1);
    const bool one_group = first.g == last.g;
    const bool one_row = one_group && first.row == last.row;
    const int ih0 = clamp(first.row * kTile - PH, H), iw0 = one_row ? clamp(first.col * kTile - PW, W) : 0;
    const int ih1 = one_group ? clamp(last.row * kTile - PH + reach, H) : H;
    const int iw1 = one_row ? clamp(last.col * kTile - PW + reach, W) : W;
    origin_ =
        reinterpret_cast<const char*>(base + first.g * C * plane + (std::int64_t{ih0} * W + iw0) * kLanes);
    channels_ = C;
    rows_ = ih1 - ih0;
    row_lines_ = ((iw1 - iw0) * kLanes * static_cast<int>(sizeof(T)) + kLineBytes - 1) / kLineBytes;
    plane_bytes_ = plane * static_cast<std::int64_t>(sizeof(T));
    row_bytes_ = std::int64_t{W} * kLanes * static_cast<std::int64_t>(sizeof(T));
    next_ = origin_;
  }

  std::int64_t lines() const { return std::int64_t{channels_} * rows_ * row_lines_; }

  ESPALIER_INLINE void fetch(int lines) {
    for (; lines > 0 && channel_ < channels_; --lines) {
      __builtin_prefetch(next_, 0, 2);
      next_ += kLineBytes;
      if (++line_ < row_lines_) continue;
      line_ = 0;
      if (++row_ == rows_) row_ = 0, ++channel_;
      next_ = origin_ + channel_ * plane_bytes_ + row_ * row_bytes_;
    }
  }

 private:
  static int clamp(int x, int end) { return x < 0 ? 0 : x > end ? end : x; }

  static constexpr int kLineBytes = 64;

  const char* origin_ = nullptr;
  const char* next_ = nullptr;
  int channels_ = 0, rows_ = 0, row_lines_ = 0;
  std::int64_t plane_bytes_ = 0, row_bytes_ = 0;
  int channel_ = 0, row_ = 0, line_ = 0;
};

}  // namespace
}  // namespace espalier::kernels
