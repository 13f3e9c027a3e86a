// Register blocks for products of two activations, image by image: both operands are vectors and nothing is
// broadcast. A block of MR x NJ outputs needs MR + NJ loads for MR * NJ multiply-adds.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

inline constexpr int kLaneRows = kVecIsa == Isa::avx512 ? 6 : kVecIsa == Isa::portable ? 1 : 2;
inline constexpr int kLaneColumns = kVecIsa == Isa::avx512 ? 4 : 2;

// A matrix of vectors; strides in floats, so a transposed one has them exchanged.
struct LaneMatrix {
  const float* data;
  std::int64_t row, column;
};

inline LaneMatrix transposed(LaneMatrix m) { return {m.data, m.column, m.row}; }

// What becomes of the values that the result held: lost, added to, or multiplied first by a factor a row.
enum class LaneStart { replace, add, decay };

// C[m][j] = start + alpha * sum over k < K of A[m][k] * B[k][j]
struct LaneProduct {
  LaneMatrix A, B;
  int K = 0;
  float alpha = 1.0f;
  float* C = nullptr;
  std::int64_t c_row = 0;  // floats from a row of C to the next; its columns are neighbours
  LaneStart start = LaneStart::replace;
  const float* decay = nullptr;  // [rows][16]
};

template <int MR, int NJ>
void multiply_lanes(const LaneProduct& p, std::int64_t j0) {
  Vec c[MR][NJ];
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
    ESPALIER_UNROLL for (int j = 0; j < NJ; ++j) c[m][j] = zero();
  }
  const float *A = p.A.data, *B = p.B.data + j0 * p.B.column;
  for (int k = 0; k < p.K; ++k, A += p.A.column, B += p.B.row) {
    Vec b[NJ];
    ESPALIER_UNROLL for (int j = 0; j < NJ; ++j) b[j] = load(B + j * p.B.column);
    ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
      const Vec a = load(A + m * p.A.row);
      ESPALIER_UNROLL for (int j = 0; j < NJ; ++j) c[m][j] = fma(a, b[j], c[m][j]);
    }
  }
  const Vec alpha = broadcast(p.alpha);
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
    float* C = p.C + m * p.c_row + j0 * kLanes;
    if (p.start == LaneStart::replace) {
      ESPALIER_UNROLL for (int j = 0; j < NJ; ++j) store(C + j * kLanes, alpha * c[m][j]);
    } else {
      const Vec factor = p.start == LaneStart::decay ? load(p.decay + m * kLanes) : broadcast(1.0f);
      ESPALIER_UNROLL for (int j = 0; j < NJ; ++j)
          store(C + j * kLanes, fma(alpha, c[m][j], factor * load(C + j * kLanes)));
    }
  }
}

// `rows` <= kLaneRows rows of C, `columns` wide.
template <int MR = kLaneRows>
void multiply_lane_strip(int rows, int columns, const LaneProduct& p) {
  if constexpr (MR > 1) {
    if (rows < MR) return multiply_lane_strip<MR - 1>(rows, columns, p);
  }
  int j = 0;
  for (; j + kLaneColumns <= columns; j += kLaneColumns) multiply_lanes<MR, kLaneColumns>(p, j);
  for (; j < columns; ++j) multiply_lanes<MR, 1>(p, j);
}

inline void multiply_lane_rows(int rows, int columns, LaneProduct p) {
  for (int m = 0; m < rows; m += kLaneRows) {
    multiply_lane_strip(rows - m < kLaneRows ? rows - m : kLaneRows, columns, p);
    p.A.data += kLaneRows * p.A.row;
    p.C += kLaneRows * p.c_row;
    if (p.decay != nullptr) p.decay += kLaneRows * kLanes;
  }
}

}  // namespace
}  // namespace espalier::kernels
