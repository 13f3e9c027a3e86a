// The definition of correct for this family: the formulas of gemm.h as plain loops, summed in double. The
// code to read first, and the truth that every kernel is tested against.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/gemm/gemm.h"

namespace espalier::kernels::reference {

inline void gemm(const GemmShape& s, const float* A, const float* B, float* C) {
  for (std::int64_t m = 0; m < s.M; ++m) {
    for (std::int64_t n = 0; n < s.N; ++n) {
      double sum = 0.0;
      for (std::int64_t k = 0; k < s.K; ++k) {
        const double a = s.transpose_a ? A[k * s.lda + m] : A[m * s.lda + k];
        const double b = s.transpose_b ? B[n * s.ldb + k] : B[k * s.ldb + n];
        sum += a * b;
      }
      float& c = C[m * s.ldc + n];
      c = static_cast<float>(s.alpha * sum + (s.beta == 0.0f ? 0.0 : static_cast<double>(s.beta) * c));
    }
  }
}

inline void linear_fwd(const LinearShape& s, const float* src, const float* weights, const float* bias,
                       float* dst) {
  const std::int64_t tokens = groups(s.N) * s.T;  // each a matrix [IC][16]
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (int oc = 0; oc < s.OC; ++oc) {
      for (int lane = 0; lane < kLanes; ++lane) {
        double sum = bias == nullptr ? 0.0 : bias[oc];
        for (int ic = 0; ic < s.IC; ++ic) {
          sum += static_cast<double>(weights[std::int64_t{oc} * s.IC + ic]) *
                 src[(t * s.IC + ic) * kLanes + lane];
        }
        dst[(t * s.OC + oc) * kLanes + lane] = static_cast<float>(sum);
      }
    }
  }
}

inline void linear_bwd_data(const LinearShape& s, const float* diff_dst, const float* weights,
                            float* diff_src) {
  const std::int64_t tokens = groups(s.N) * s.T;
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (int ic = 0; ic < s.IC; ++ic) {
      for (int lane = 0; lane < kLanes; ++lane) {
        double sum = 0.0;
        for (int oc = 0; oc < s.OC; ++oc) {
          sum += static_cast<double>(weights[std::int64_t{oc} * s.IC + ic]) *
                 diff_dst[(t * s.OC + oc) * kLanes + lane];
        }
        diff_src[(t * s.IC + ic) * kLanes + lane] = static_cast<float>(sum);
      }
    }
  }
}

inline void linear_bwd_weights(const LinearShape& s, const float* src, const float* diff_dst,
                               float* diff_weights, float* diff_bias) {
  const std::int64_t tokens = groups(s.N) * s.T;
  for (int oc = 0; oc < s.OC; ++oc) {
    const auto gradient = [&](std::int64_t t, int lane) -> double {
      return diff_dst[(t * s.OC + oc) * kLanes + lane];
    };
    for (int ic = 0; ic < s.IC; ++ic) {
      double sum = 0.0;
      for (std::int64_t t = 0; t < tokens; ++t) {
        for (int lane = 0; lane < kLanes; ++lane)
          sum += gradient(t, lane) * src[(t * s.IC + ic) * kLanes + lane];
      }
      diff_weights[std::int64_t{oc} * s.IC + ic] = static_cast<float>(sum);
    }
    if (diff_bias == nullptr) continue;
    double sum = 0.0;
    for (std::int64_t t = 0; t < tokens; ++t) {
      for (int lane = 0; lane < kLanes; ++lane) sum += gradient(t, lane);
    }
    diff_bias[oc] = static_cast<float>(sum);
  }
}

inline void lane_matmul(const LaneMatmulShape& s, const float* A, const float* B, float* C) {
  const std::int64_t matrices = groups(s.N) * s.B;
  for (std::int64_t b = 0; b < matrices; ++b) {
    for (int m = 0; m < s.M; ++m) {
      for (int j = 0; j < s.J; ++j) {
        for (int lane = 0; lane < kLanes; ++lane) {
          double sum = 0.0;
          for (int k = 0; k < s.K; ++k) {
            const std::int64_t a_at =
                (b * s.a_vectors()) + (s.transpose_a ? std::int64_t{k} * s.M + m : std::int64_t{m} * s.K + k);
            const std::int64_t b_at =
                (b * s.b_vectors()) + (s.transpose_b ? std::int64_t{j} * s.K + k : std::int64_t{k} * s.J + j);
            sum += static_cast<double>(A[a_at * kLanes + lane]) * B[b_at * kLanes + lane];
          }
          C[(b * s.c_vectors() + std::int64_t{m} * s.J + j) * kLanes + lane] =
              static_cast<float>(s.alpha * sum);
        }
      }
    }
  }
}

}  // namespace espalier::kernels::reference
