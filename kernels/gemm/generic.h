// The bodies of the matrix products, written once over the 16-lane vector.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/base/vec.h"
#include "kernels/gemm/gemm.h"

namespace espalier::kernels {
namespace {

void gemm(const GemmShape& s, const float* A, const float* B, float* C) {
  parallel_for(s.M, [&](std::int64_t m) {
    for (std::int64_t n = 0; n < s.N; ++n) {
      float sum = 0.0f;
      for (std::int64_t k = 0; k < s.K; ++k) {
        const float a = s.transpose_a ? A[k * s.lda + m] : A[m * s.lda + k];
        const float b = s.transpose_b ? B[n * s.ldb + k] : B[k * s.ldb + n];
        sum += a * b;
      }
      float& c = C[m * s.ldc + n];
      c = s.beta == 0.0f ? s.alpha * sum : s.alpha * sum + s.beta * c;
    }
  });
}

void linear_fwd(const LinearShape& s, const float* src, const float* weights, const float* bias, float* dst) {
  parallel_for(groups(s.N) * s.T, [&](std::int64_t t) {
    const float* x = src + t * s.IC * kLanes;  // [IC][16]
    float* y = dst + t * s.OC * kLanes;        // [OC][16]
    for (int oc = 0; oc < s.OC; ++oc) {
      const float* row = weights + std::int64_t{oc} * s.IC;
      Vec sum = broadcast(bias == nullptr ? 0.0f : bias[oc]);
      for (int ic = 0; ic < s.IC; ++ic) sum = fma(broadcast(row[ic]), load(x + ic * kLanes), sum);
      store(y + oc * kLanes, sum);
    }
  });
}

void linear_bwd_data(const LinearShape& s, const float* diff_dst, const float* weights, float* diff_src) {
  parallel_for(groups(s.N) * s.T, [&](std::int64_t t) {
    const float* dy = diff_dst + t * s.OC * kLanes;  // [OC][16]
    float* dx = diff_src + t * s.IC * kLanes;        // [IC][16]
    for (int ic = 0; ic < s.IC; ++ic) {
      Vec sum = zero();
      for (int oc = 0; oc < s.OC; ++oc) {
        sum = fma(broadcast(weights[std::int64_t{oc} * s.IC + ic]), load(dy + oc * kLanes), sum);
      }
      store(dx + ic * kLanes, sum);
    }
  });
}

void linear_bwd_weights(const LinearShape& s, const float* src, const float* diff_dst, float* diff_weights,
                        float* diff_bias) {
  const std::int64_t tokens = groups(s.N) * s.T;
  parallel_for(s.OC, [&](std::int64_t oc) {
    for (int ic = 0; ic < s.IC; ++ic) {
      Vec acc = zero();
      for (std::int64_t t = 0; t < tokens; ++t) {
        acc = fma(load(diff_dst + (t * s.OC + oc) * kLanes), load(src + (t * s.IC + ic) * kLanes), acc);
      }
      diff_weights[oc * s.IC + ic] = sum(acc);
    }
    if (diff_bias == nullptr) return;
    Vec acc = zero();
    for (std::int64_t t = 0; t < tokens; ++t) acc += load(diff_dst + (t * s.OC + oc) * kLanes);
    diff_bias[oc] = sum(acc);
  });
}

void lane_matmul(const LaneMatmulShape& s, const float* A, const float* B, float* C) {
  const std::int64_t a_row = s.transpose_a ? 1 : s.K, a_col = s.transpose_a ? s.M : 1;
  const std::int64_t b_row = s.transpose_b ? 1 : s.J, b_col = s.transpose_b ? s.K : 1;
  parallel_for(groups(s.N) * s.B, [&](std::int64_t b) {
    const float* a_matrix = A + b * s.M * s.K * kLanes;
    const float* b_matrix = B + b * s.K * s.J * kLanes;
    float* c_matrix = C + b * s.M * s.J * kLanes;
    for (int m = 0; m < s.M; ++m) {
      for (int j = 0; j < s.J; ++j) {
        Vec acc = zero();
        for (int k = 0; k < s.K; ++k) {
          acc = fma(load(a_matrix + (m * a_row + k * a_col) * kLanes),
                    load(b_matrix + (k * b_row + j * b_col) * kLanes), acc);
        }
        store(c_matrix + (std::int64_t{m} * s.J + j) * kLanes, broadcast(s.alpha) * acc);
      }
    }
  });
}

constexpr GemmKernels kGemm = {kVecIsa, gemm, linear_fwd, linear_bwd_data, linear_bwd_weights, lane_matmul};

}  // namespace
}  // namespace espalier::kernels
