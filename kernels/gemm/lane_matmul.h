// Product of two activations, image by image: both operands are vectors and nothing is broadcast. A block of
// MR x NJ outputs needs MR + NJ loads for MR * NJ multiply-adds.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/base/vec.h"
#include "kernels/gemm/gemm.h"

namespace espalier::kernels {
namespace {

inline constexpr int kLaneRows = kVecIsa == Isa::avx512 ? 6 : kVecIsa == Isa::portable ? 1 : 2;
inline constexpr int kLaneColumns = kVecIsa == Isa::avx512 ? 4 : 2;
constexpr int kLaneTaskRows = 24;

// One matrix of the batch; strides in floats.
struct LaneMatrix {
  const float* data;
  std::int64_t row, column;
};

template <int MR, int NJ>
void multiply_lanes(LaneMatrix A, LaneMatrix B, int K, float alpha, float* C, std::int64_t c_row) {
  Vec c[MR][NJ];
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
    ESPALIER_UNROLL for (int j = 0; j < NJ; ++j) c[m][j] = zero();
  }
  for (int k = 0; k < K; ++k, A.data += A.column, B.data += B.row) {
    Vec b[NJ];
    ESPALIER_UNROLL for (int j = 0; j < NJ; ++j) b[j] = load(B.data + j * B.column);
    ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
      const Vec a = load(A.data + m * A.row);
      ESPALIER_UNROLL for (int j = 0; j < NJ; ++j) c[m][j] = fma(a, b[j], c[m][j]);
    }
  }
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
    ESPALIER_UNROLL for (int j = 0; j < NJ; ++j)
        store(C + m * c_row + j * kLanes, broadcast(alpha) * c[m][j]);
  }
}

// `rows` <= kLaneRows rows of C.
template <int MR = kLaneRows>
void multiply_lane_rows(int rows, LaneMatrix A, LaneMatrix B, int J, int K, float alpha, float* C) {
  if constexpr (MR > 1) {
    if (rows < MR) return multiply_lane_rows<MR - 1>(rows, A, B, J, K, alpha, C);
  }
  const std::int64_t c_row = std::int64_t{J} * kLanes;
  int j = 0;
  for (; j + kLaneColumns <= J; j += kLaneColumns, B.data += kLaneColumns * B.column) {
    multiply_lanes<MR, kLaneColumns>(A, B, K, alpha, C + j * kLanes, c_row);
  }
  for (; j < J; ++j, B.data += B.column) multiply_lanes<MR, 1>(A, B, K, alpha, C + j * kLanes, c_row);
}

void lane_matmul(const LaneMatmulShape& s, const float* A, const float* B, float* C) {
  const int blocks = (s.M + kLaneTaskRows - 1) / kLaneTaskRows;
  parallel_for(groups(s.N) * s.B * blocks, [&](std::int64_t task) {
    const std::int64_t matrix = task / blocks;
    const int begin = static_cast<int>(task % blocks) * kLaneTaskRows;
    const int end = s.M - begin < kLaneTaskRows ? s.M : begin + kLaneTaskRows;
    LaneMatrix a = {A + matrix * s.a_vectors() * kLanes, s.K * kLanes, kLanes};
    if (s.transpose_a) a.row = kLanes, a.column = s.M * kLanes;
    LaneMatrix b = {B + matrix * s.b_vectors() * kLanes, s.J * kLanes, kLanes};
    if (s.transpose_b) b.row = kLanes, b.column = s.K * kLanes;
    a.data += begin * a.row;
    float* c = C + (matrix * s.c_vectors() + std::int64_t{begin} * s.J) * kLanes;
    for (int m = begin; m < end; m += kLaneRows, a.data += kLaneRows * a.row, c += kLaneRows * s.J * kLanes) {
      multiply_lane_rows(end - m < kLaneRows ? end - m : kLaneRows, a, b, s.J, s.K, s.alpha, c);
    }
  });
}

}  // namespace
}  // namespace espalier::kernels
