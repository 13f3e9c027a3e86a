// Forward over lists that were made once, straight from the planes: for few images and convolutions without
// padding, whose input fits the L2 cache as it is.
//
//   dst[oc][pixel] = [relu] (bias[oc] + sum over the list of oc of  value * src[pixel's first tap + offset]
//   [+ residual])
//
// A register block is some pixels of one output channel; all lists run over one block of pixels before the
// next, so its input is near.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/opaque.h"
#include "kernels/base/parallel.h"
#include "kernels/base/vec.h"
#include "kernels/spconv2d/spconv2d.h"

namespace espalier::kernels {
namespace {

// Pixels of a block in each direction: sums in 16 of AVX-512's registers, 8 halves of AVX2's 16 registers.
inline constexpr int kKeptSide = kVecIsa == Isa::avx512 ? 4 : 2;
// A block of one pixel would wait for each multiply-add: so many sums take turns.
inline constexpr int kKeptTurns = 4;
constexpr int kKeptTasks = 16;

struct KeptPass {
  const KeptWeights* kept;
  const float *in, *bias, *residual;  // in: the block's first tap; residual as out
  float* out;                         // the block's first pixel of channel 0
  std::int64_t in_row, in_column, out_row, out_plane;
  bool relu;
};

ESPALIER_INLINE void finish_kept(const KeptPass& p, std::int64_t at, Vec sum) {
  if (p.residual != nullptr) sum += load(p.residual + at);
  store(p.out + at, p.relu ? max(zero(), sum) : sum);
}

template <int R, int C>
void sum_kept(const KeptPass& p, int oc) {
  const Vec start = p.bias == nullptr ? zero() : broadcast(p.bias[oc]);
  Vec sums[R][C];
  ESPALIER_UNROLL for (int r = 0; r < R; ++r) ESPALIER_UNROLL for (int c = 0; c < C; ++c) sums[r][c] = start;
  const std::int64_t row = p.in_row, column = p.in_column;
  for (std::int32_t k = p.kept->begin[oc]; k < p.kept->begin[oc + 1]; ++k) {
    const float* in = p.in + p.kept->offset[k];
    const Vec w = broadcast(p.kept->value[k]);
    ESPALIER_UNROLL for (int r = 0; r < R; ++r, in = opaque(in + row)) {
      ESPALIER_UNROLL for (int c = 0; c < C; ++c) { sums[r][c] = fma(w, load(in + c * column), sums[r][c]); }
    }
  }
  ESPALIER_UNROLL for (int r = 0; r < R; ++r) {
    ESPALIER_UNROLL for (int c = 0; c < C; ++c) {
      finish_kept(p, oc * p.out_plane + r * p.out_row + c * kLanes, sums[r][c]);
    }
  }
}

template <>
void sum_kept<1, 1>(const KeptPass& p, int oc) {
  Vec sums[kKeptTurns];
  sums[0] = p.bias == nullptr ? zero() : broadcast(p.bias[oc]);
  ESPALIER_UNROLL for (int i = 1; i < kKeptTurns; ++i) sums[i] = zero();
  const float* value = p.kept->value;
  const std::int32_t* offset = p.kept->offset;
  std::int32_t k = p.kept->begin[oc];
  const std::int32_t end = p.kept->begin[oc + 1];
  for (; k + kKeptTurns <= end; k += kKeptTurns) {
    ESPALIER_UNROLL for (int i = 0; i < kKeptTurns; ++i) {
      sums[i] = fma(broadcast(value[k + i]), load(p.in + offset[k + i]), sums[i]);
    }
  }
  for (; k < end; ++k) sums[0] = fma(broadcast(value[k]), load(p.in + offset[k]), sums[0]);
  finish_kept(p, oc * p.out_plane, (sums[0] + sums[1]) + (sums[2] + sums[3]));
}

using SumKept = void (*)(const KeptPass&, int oc);

// The block of at most rows x columns: 1, 2 or (AVX-512) 4 of either.
inline constexpr int kept_side(int left) { return left >= kKeptSide ? kKeptSide : left >= 2 ? 2 : 1; }

inline SumKept sum_kept_kernel(int rows, int columns) {
  static constexpr SumKept kernels[3][3] = {
      {sum_kept<1, 1>, sum_kept<1, 2>, sum_kept<1, kKeptSide>},
      {sum_kept<2, 1>, sum_kept<2, 2>, sum_kept<2, kKeptSide>},
      {sum_kept<kKeptSide, 1>, sum_kept<kKeptSide, 2>, sum_kept<kKeptSide, kKeptSide>}};
  return kernels[rows / 2][columns / 2];
}

void forward_kept(const Conv2dShape& s, const KeptWeights& kept, const SpConv2dArgs& args) {
  const int OH = s.OH(), OW = s.OW();
  const std::int64_t in_plane = plane_vectors(std::int64_t{s.IH} * s.IW) * kLanes;
  const std::int64_t out_plane = plane_vectors(std::int64_t{OH} * OW) * kLanes;
  const int row_blocks = (OH + kKeptSide - 1) / kKeptSide;
  const std::int64_t rows = groups(s.N) * row_blocks;
  const std::int64_t wanted = (kKeptTasks - 1) / rows + 1;
  const int slices = wanted < s.OC ? static_cast<int>(wanted) : s.OC;
  parallel_for(rows * slices, [&](std::int64_t task) {
    const int slice = static_cast<int>(task % slices);
    const std::int64_t group = task / slices / row_blocks;
    const int first_row = static_cast<int>(task / slices % row_blocks) * kKeptSide;
    const int last_row = first_row + kKeptSide < OH ? first_row + kKeptSide : OH;
    const int oc_begin = static_cast<int>(std::int64_t{s.OC} * slice / slices);
    const int oc_end = static_cast<int>(std::int64_t{s.OC} * (slice + 1) / slices);
    const float* in = static_cast<const float*>(args.src) + group * s.IC * in_plane;
    const std::int64_t out_at = group * s.OC * out_plane;
    auto* dst = static_cast<float*>(args.dst);
    const auto* residual = static_cast<const float*>(args.residual);
    KeptPass p = {};
    p.kept = &kept;
    p.bias = args.bias;
    p.in_row = std::int64_t{s.SH} * s.IW * kLanes;
    p.in_column = std::int64_t{s.SW} * kLanes;
    p.out_row = std::int64_t{OW} * kLanes;
    p.out_plane = out_plane;
    p.relu = args.relu;
    for (int row = first_row, height; row < last_row; row += height) {
      height = kept_side(last_row - row);
      for (int column = 0, width; column < OW; column += width) {
        width = kept_side(OW - column);
        const std::int64_t at = out_at + row * p.out_row + std::int64_t{column} * kLanes;
        p.in = in + row * p.in_row + column * p.in_column;
        p.out = dst + at;
        p.residual = residual == nullptr ? nullptr : residual + at;
        const SumKept sum = sum_kept_kernel(height, width);
        for (int oc = oc_begin; oc < oc_end; ++oc) sum(p, oc);
      }
    }
    if (first_row == 0 && OH * OW % 2 == 0) {
      for (int oc = oc_begin; oc < oc_end; ++oc) store(dst + out_at + (oc + 1) * out_plane - kLanes, zero());
    }
  });
}

}  // namespace
}  // namespace espalier::kernels
