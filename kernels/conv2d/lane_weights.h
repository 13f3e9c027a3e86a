// Backward weights for few channels: the stem of a network, depthwise and finely grouped convolutions. Blocks
// of 16 output channels (direct_weights.h) would be mostly empty, and transposing would cost more than it
// serves. Here the lanes stay images: a register block holds sums of MO output channels x NC columns (input
// channel and tap),
//
//   sums[oc][column] += diff_dst[oc][position] * src[column's channel][position + column's tap]
//
// lane by lane, and only at the very end the 16 lanes of each sum are added. All taps of a block see the same
// positions, so a strip of src is copied with its zero padding first; there are few channels to copy.
//
// A task owns one group of channels and a fixed part of the images; parts are added in order.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/base/scratch.h"
#include "kernels/base/vec.h"
#include "kernels/conv2d/bias_gradient.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/gemm/micro.h"

namespace espalier::kernels {
namespace {

// Accumulators MO x NC, MO gradients and one input: 31 of 32 registers of AVX-512.
inline constexpr int kMaxOutputs = kVecIsa == Isa::avx512 ? 3 : kVecIsa == Isa::portable ? 1 : 2;
inline constexpr int kMaxColumns = kVecIsa == Isa::avx512 ? 9 : 2;
// Positions in a strip: enough for the sums to stay in registers a while, few enough for the L1 cache.
constexpr int kLaneStripPositions = 128;
constexpr int kLaneTasks = 8;
constexpr int kFewChannels = 8;

template <class T>
bool few_channels(const Conv2dShape& s) {
  return s.element == element_of<T> && (s.IC / s.groups < kFewChannels || s.OC / s.groups < kFewChannels);
}

struct LaneWeights {
  int groups, IC, OC;               // IC, OC of a group
  int strip_rows;                   // rows of dst in a strip
  int padded_rows, padded_columns;  // of src for one strip
  std::int64_t images, parts;
  int columns;         // IC * KH * KW
  int* column_offset;  // [columns] floats in the padded strip
  float* padded;       // [threads][IC][padded_rows][padded_columns][16]
  std::int64_t padded_size;
  float* sums;  // [parts][groups][OC][columns][16]
};

inline LaneWeights plan_lane_weights(const Conv2dShape& s, ScratchLayout& scratch) {
  LaneWeights p;
  p.groups = s.groups;
  p.IC = s.IC / s.groups;
  p.OC = s.OC / s.groups;
  const int rows = kLaneStripPositions / s.OW();
  p.strip_rows = rows < 1 ? 1 : rows < s.OH() ? rows : s.OH();
  p.padded_rows = (p.strip_rows - 1) * s.SH + s.KH;
  p.padded_columns = (s.OW() - 1) * s.SW + s.KW;
  p.images = groups(s.N);
  const std::int64_t wanted = (kLaneTasks - 1) / s.groups + 1;
  p.parts = wanted < p.images ? wanted : p.images;
  p.columns = p.IC * s.KH * s.KW;
  p.column_offset = scratch.take<int>(p.columns);
  p.padded_size = std::int64_t{p.IC} * p.padded_rows * p.padded_columns * kLanes;
  p.padded = scratch.take<float>(num_threads() * p.padded_size);
  p.sums = scratch.take<float>(p.parts * s.groups * p.OC * p.columns * kLanes);
  return p;
}

// One register block over a strip of rows x columns positions.
template <class T>
struct LaneSum {
  const T* diff_dst;  // of the first output channel
  std::int64_t dst_plane, dst_row;
  const float* src;  // padded
  const int* column_offset;
  std::int64_t src_row, src_column;
  int rows, columns;
  float* sums;  // [MO] rows of [NC][16], added to
  std::int64_t sums_row;
};

template <int MO, int NC, class T>
void sum_lanes(const LaneSum<T>& s) {
  Vec c[MO][NC];
  ESPALIER_UNROLL for (int m = 0; m < MO; ++m) {
    ESPALIER_UNROLL for (int n = 0; n < NC; ++n) c[m][n] = load(s.sums + m * s.sums_row + n * kLanes);
  }
  for (int row = 0; row < s.rows; ++row) {
    const T* gradient = s.diff_dst + row * s.dst_row;
    const float* src[NC];
    ESPALIER_UNROLL for (int n = 0; n < NC; ++n) src[n] = s.src + row * s.src_row + s.column_offset[n];
    std::int64_t at = 0;
    for (int column = 0; column < s.columns; ++column, gradient += kLanes, at += s.src_column) {
      Vec g[MO];
      ESPALIER_UNROLL for (int m = 0; m < MO; ++m) g[m] = load(gradient + m * s.dst_plane);
      ESPALIER_UNROLL for (int n = 0; n < NC; ++n) {
        const Vec x = load(src[n] + at);
        ESPALIER_UNROLL for (int m = 0; m < MO; ++m) c[m][n] = fma(g[m], x, c[m][n]);
      }
    }
  }
  ESPALIER_UNROLL for (int m = 0; m < MO; ++m) {
    ESPALIER_UNROLL for (int n = 0; n < NC; ++n) store(s.sums + m * s.sums_row + n * kLanes, c[m][n]);
  }
}

// The block of `outputs` <= MO and `columns` <= NC.
template <int MO = kMaxOutputs, int NC = kMaxColumns, class T>
void sum_lane_block(int outputs, int columns, const LaneSum<T>& s) {
  if constexpr (MO > 1) {
    if (outputs < MO) return sum_lane_block<MO - 1, NC>(outputs, columns, s);
  }
  if constexpr (NC > 1) {
    if (columns < NC) return sum_lane_block<MO, NC - 1>(outputs, columns, s);
  }
  sum_lanes<MO, NC>(s);
}

// The rows of src that output rows [row, row + rows) see, with zeros where they leave the plane.
template <class T>
void copy_padded(const Conv2dShape& s, const LaneWeights& p, const T* src, std::int64_t plane, int row,
                 int rows, float* to) {
  const int top = row * s.SH - s.PH, used_rows = (rows - 1) * s.SH + s.KH;
  for (int ic = 0; ic < p.IC; ++ic) {
    for (int h = 0; h < used_rows; ++h) {
      float* line = to + (std::int64_t{ic} * p.padded_rows + h) * p.padded_columns * kLanes;
      const bool inside = top + h >= 0 && top + h < s.IH;
      const T* from = src + ic * plane + (std::int64_t{top} + h) * s.IW * kLanes;
      for (int w = 0; w < p.padded_columns; ++w) {
        const int iw = w - s.PW;
        store(line + w * kLanes, inside && iw >= 0 && iw < s.IW ? load(from + iw * kLanes) : zero());
      }
    }
  }
}

// Adds one strip of one group of images to the sums of one group of channels.
template <class T>
void sum_strip(const Conv2dShape& s, const LaneWeights& p, const float* padded, const T* diff_dst, int rows,
               float* sums) {
  const Panels outputs(p.OC, kMaxOutputs), columns(p.columns, kMaxColumns);
  LaneSum<T> block;
  block.dst_plane = plane_vectors(std::int64_t{s.OH()} * s.OW()) * kLanes;
  block.dst_row = std::int64_t{s.OW()} * kLanes;
  block.src = padded;
  block.src_row = std::int64_t{s.SH} * p.padded_columns * kLanes;
  block.src_column = std::int64_t{s.SW} * kLanes;
  block.rows = rows;
  block.columns = s.OW();
  block.sums_row = std::int64_t{p.columns} * kLanes;
  for (int o = 0; o < outputs.count; ++o) {
    block.diff_dst = diff_dst + outputs.begin(o) * block.dst_plane;
    for (int c = 0; c < columns.count; ++c) {
      block.column_offset = p.column_offset + columns.begin(c);
      block.sums = sums + outputs.begin(o) * block.sums_row + columns.begin(c) * kLanes;
      sum_lane_block(outputs.height(o), columns.height(c), block);
    }
  }
}

template <class T>
void lane_backward_weights(const Conv2dShape& s, const Conv2dArgs& args) {
  ScratchLayout scratch(args.scratch);
  const LaneWeights p = plan_lane_weights(s, scratch);
  for (int c = 0; c < p.columns; ++c) {
    const int ic = c / (s.KH * s.KW), kh = c / s.KW % s.KH, kw = c % s.KW;
    p.column_offset[c] = ((ic * p.padded_rows + kh) * p.padded_columns + kw) * kLanes;
  }
  const std::int64_t src_plane = plane_vectors(std::int64_t{s.IH} * s.IW) * kLanes;
  const std::int64_t dst_plane = plane_vectors(std::int64_t{s.OH()} * s.OW()) * kLanes;
  const std::int64_t sums_size = std::int64_t{p.OC} * p.columns * kLanes;
  parallel_for(p.parts * p.groups, [&](std::int64_t task) {
    const std::int64_t part = task / p.groups, group = task % p.groups;
    float* sums = p.sums + task * sums_size;
    float* padded = p.padded + thread_index() * p.padded_size;
    for (std::int64_t i = 0; i < sums_size; i += kLanes) store(sums + i, zero());
    for (std::int64_t g = p.images * part / p.parts; g < p.images * (part + 1) / p.parts; ++g) {
      const T* src = static_cast<const T*>(args.src) + (g * s.IC + group * p.IC) * src_plane;
      const T* diff_dst = static_cast<const T*>(args.diff_dst) + (g * s.OC + group * p.OC) * dst_plane;
      for (int row = 0; row < s.OH(); row += p.strip_rows) {
        const int rows = s.OH() - row < p.strip_rows ? s.OH() - row : p.strip_rows;
        copy_padded(s, p, src, src_plane, row, rows, padded);
        sum_strip(s, p, padded, diff_dst + std::int64_t{row} * s.OW() * kLanes, rows, sums);
      }
    }
  });
  parallel_for(std::int64_t{s.OC}, [&](std::int64_t oc) {
    for (std::int64_t column = 0; column < p.columns; ++column) {
      const std::int64_t at = oc * p.columns + column;
      Vec total = load(p.sums + at * kLanes);
      for (std::int64_t part = 1; part < p.parts; ++part) {
        total += load(p.sums + part * p.groups * sums_size + at * kLanes);
      }
      args.diff_weights[at] = sum(total);
    }
  });
  bias_gradient<T>(s, args);
}

template <class T>
std::size_t lane_weights_scratch_bytes(const Conv2dShape& shape) {
  ScratchLayout scratch(nullptr);
  plan_lane_weights(shape, scratch);
  return scratch.bytes();
}

}  // namespace
}  // namespace espalier::kernels
