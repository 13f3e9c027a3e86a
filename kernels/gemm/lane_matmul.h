// Product of two activations, image by image.
#pragma once

#include "kernels/base/parallel.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/lane_block.h"

namespace espalier::kernels {
namespace {

constexpr int kLaneTaskRows = 24;

void lane_matmul(const LaneMatmulShape& s, const float* A, const float* B, float* C) {
  const int blocks = (s.M + kLaneTaskRows - 1) / kLaneTaskRows;
  parallel_for(groups(s.N) * s.B * blocks, [&](std::int64_t task) {
    const std::int64_t matrix = task / blocks;
    const int begin = static_cast<int>(task % blocks) * kLaneTaskRows;
    const int rows = s.M - begin < kLaneTaskRows ? s.M - begin : kLaneTaskRows;
    LaneProduct p;
    p.A = {A + matrix * s.a_vectors() * kLanes, (s.transpose_a ? s.M : s.K) * kLanes, kLanes};
    if (s.transpose_a) p.A = transposed(p.A);
    p.A.data += begin * p.A.row;
    p.B = {B + matrix * s.b_vectors() * kLanes, (s.transpose_b ? s.K : s.J) * kLanes, kLanes};
    if (s.transpose_b) p.B = transposed(p.B);
    p.K = s.K;
    p.alpha = s.alpha;
    p.C = C + (matrix * s.c_vectors() + std::int64_t{begin} * s.J) * kLanes;
    p.c_row = std::int64_t{s.J} * kLanes;
    multiply_lane_rows(rows, s.J, p);
  });
}

}  // namespace
}  // namespace espalier::kernels
