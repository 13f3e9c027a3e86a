// The definition of correct for attention, in double over one head of one image: q, k, v, dst [T][D]. The
// code to read first.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace espalier::kernels::reference {

using Doubles = std::vector<double>;

struct Attention {
  Doubles probabilities;  // [T][T]
  Doubles log_sum_exp;    // [T]
  Doubles dst;            // [T][D]
};

inline Attention attention_fwd(const Doubles& q, const Doubles& k, const Doubles& v, std::size_t T,
                               std::size_t D, double scale, bool causal) {
  Attention a{Doubles(T * T), Doubles(T), Doubles(T * D)};
  for (std::size_t i = 0; i < T; ++i) {
    const std::size_t visible = causal ? i + 1 : T;
    Doubles score(visible);
    for (std::size_t j = 0; j < visible; ++j) {
      for (std::size_t d = 0; d < D; ++d) score[j] += scale * q[i * D + d] * k[j * D + d];
    }
    const double largest = *std::max_element(score.begin(), score.end());
    double total = 0.0;
    for (double s : score) total += std::exp(s - largest);
    a.log_sum_exp[i] = largest + std::log(total);
    for (std::size_t j = 0; j < visible; ++j) {
      const double p = a.probabilities[i * T + j] = std::exp(score[j] - a.log_sum_exp[i]);
      for (std::size_t d = 0; d < D; ++d) a.dst[i * D + d] += p * v[j * D + d];
    }
  }
  return a;
}

struct AttentionGradients {
  Doubles q, k, v;  // [T][D]
};

// Through the products and the Jacobian of softmax, dP_j/dS_l = P_j (1[j = l] - P_l).
inline AttentionGradients attention_bwd(const Doubles& q, const Doubles& k, const Doubles& v,
                                        const Doubles& probabilities, const Doubles& diff_dst, std::size_t T,
                                        std::size_t D, double scale) {
  AttentionGradients g{Doubles(T * D), Doubles(T * D), Doubles(T * D)};
  for (std::size_t i = 0; i < T; ++i) {
    const double* p = &probabilities[i * T];
    Doubles diff_p(T);
    double mean = 0.0;
    for (std::size_t j = 0; j < T; ++j) {
      for (std::size_t d = 0; d < D; ++d) diff_p[j] += diff_dst[i * D + d] * v[j * D + d];
      mean += p[j] * diff_p[j];
    }
    for (std::size_t j = 0; j < T; ++j) {
      const double diff_score = p[j] * (diff_p[j] - mean);
      for (std::size_t d = 0; d < D; ++d) {
        g.v[j * D + d] += p[j] * diff_dst[i * D + d];
        g.q[i * D + d] += scale * diff_score * k[j * D + d];
        g.k[j * D + d] += scale * diff_score * q[i * D + d];
      }
    }
  }
  return g;
}

}  // namespace espalier::kernels::reference
