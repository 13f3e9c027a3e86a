// The definition of correct for norms: the formulas of norm.h as plain loops in double, over logical arrays
// [N][C][HW] (batch norm) and [rows][C] (layer norm). The code to read first.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace espalier::kernels::reference {

using Doubles = std::vector<double>;

struct Statistics {
  Doubles mean, variance, inv_std;  // [C], or [rows]; the variance is biased
};

inline Statistics channel_statistics(const Doubles& x, std::size_t N, std::size_t C, std::size_t HW,
                                     double epsilon) {
  Statistics s{Doubles(C), Doubles(C), Doubles(C)};
  const double count = static_cast<double>(N * HW);
  for (std::size_t c = 0; c < C; ++c) {
    for (std::size_t n = 0; n < N; ++n)
      for (std::size_t p = 0; p < HW; ++p) s.mean[c] += x[(n * C + c) * HW + p] / count;
    for (std::size_t n = 0; n < N; ++n)
      for (std::size_t p = 0; p < HW; ++p)
        s.variance[c] += std::pow(x[(n * C + c) * HW + p] - s.mean[c], 2) / count;
    s.inv_std[c] = 1.0 / std::sqrt(s.variance[c] + epsilon);
  }
  return s;
}

// residual empty: none
inline Doubles batch_norm_fwd(const Doubles& x, std::size_t N, std::size_t C, std::size_t HW,
                              const Statistics& s, const Doubles& gamma, const Doubles& beta,
                              const Doubles& residual, bool relu) {
  Doubles y(x.size());
  for (std::size_t n = 0; n < N; ++n)
    for (std::size_t c = 0; c < C; ++c)
      for (std::size_t p = 0; p < HW; ++p) {
        const std::size_t i = (n * C + c) * HW + p;
        y[i] = gamma[c] * (x[i] - s.mean[c]) * s.inv_std[c] + beta[c];
        if (!residual.empty()) y[i] += residual[i];
        if (relu && y[i] < 0.0) y[i] = 0.0;
      }
  return y;
}

struct BatchNormGradients {
  Doubles diff_src, diff_residual;  // [N][C][HW]
  Doubles diff_gamma, diff_beta;    // [C]
};

// y: forward's output, for relu.
inline BatchNormGradients batch_norm_bwd(const Doubles& x, const Doubles& y, const Doubles& dy, std::size_t N,
                                         std::size_t C, std::size_t HW, const Statistics& s,
                                         const Doubles& gamma, bool batch_statistics, bool relu) {
  BatchNormGradients out{Doubles(x.size()), dy, Doubles(C), Doubles(C)};
  Doubles& g = out.diff_residual;
  if (relu) {
    for (std::size_t i = 0; i < g.size(); ++i) g[i] = y[i] > 0.0 ? dy[i] : 0.0;
  }
  const double count = static_cast<double>(N * HW);
  const auto xhat = [&](std::size_t i, std::size_t c) { return (x[i] - s.mean[c]) * s.inv_std[c]; };
  for (std::size_t c = 0; c < C; ++c) {
    for (std::size_t n = 0; n < N; ++n)
      for (std::size_t i = (n * C + c) * HW; i < (n * C + c + 1) * HW; ++i) {
        out.diff_beta[c] += g[i];
        out.diff_gamma[c] += g[i] * xhat(i, c);
      }
    for (std::size_t n = 0; n < N; ++n)
      for (std::size_t i = (n * C + c) * HW; i < (n * C + c + 1) * HW; ++i) {
        double d = g[i];
        if (batch_statistics) d -= (out.diff_beta[c] + xhat(i, c) * out.diff_gamma[c]) / count;
        out.diff_src[i] = gamma[c] * s.inv_std[c] * d;
      }
  }
  return out;
}

inline Statistics row_statistics(const Doubles& x, std::size_t rows, std::size_t C, double epsilon) {
  return channel_statistics(x, 1, rows, C, epsilon);  // a row is a channel of one image
}

inline Doubles layer_norm_fwd(const Doubles& x, std::size_t rows, std::size_t C, const Statistics& s,
                              const Doubles& gamma, const Doubles& beta) {
  Doubles y(x.size());
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < C; ++c) {
      y[r * C + c] = gamma[c] * (x[r * C + c] - s.mean[r]) * s.inv_std[r] + beta[c];
    }
  return y;
}

struct LayerNormGradients {
  Doubles diff_src;               // [rows][C]
  Doubles diff_gamma, diff_beta;  // [C]
};

inline LayerNormGradients layer_norm_bwd(const Doubles& x, const Doubles& dy, std::size_t rows, std::size_t C,
                                         const Statistics& s, const Doubles& gamma) {
  LayerNormGradients out{Doubles(x.size()), Doubles(C), Doubles(C)};
  for (std::size_t r = 0; r < rows; ++r) {
    double mean_g = 0.0, mean_g_xhat = 0.0;
    const auto xhat = [&](std::size_t c) { return (x[r * C + c] - s.mean[r]) * s.inv_std[r]; };
    for (std::size_t c = 0; c < C; ++c) {
      const double d = dy[r * C + c];
      out.diff_beta[c] += d;
      out.diff_gamma[c] += d * xhat(c);
      mean_g += gamma[c] * d / static_cast<double>(C);
      mean_g_xhat += gamma[c] * d * xhat(c) / static_cast<double>(C);
    }
    for (std::size_t c = 0; c < C; ++c) {
      out.diff_src[r * C + c] = s.inv_std[r] * (gamma[c] * dy[r * C + c] - mean_g - xhat(c) * mean_g_xhat);
    }
  }
  return out;
}

}  // namespace espalier::kernels::reference
