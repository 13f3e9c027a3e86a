// The definition of correct for softmax and cross entropy, in double over logical rows [rows][C]. The code to
// read first.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace espalier::kernels::reference {

using Doubles = std::vector<double>;

inline double log_sum_exp(const double* row, std::size_t C) {
  const double largest = *std::max_element(row, row + C);
  double total = 0.0;
  for (std::size_t c = 0; c < C; ++c) total += std::exp(row[c] - largest);
  return largest + std::log(total);
}

inline Doubles log_softmax_fwd(const Doubles& x, std::size_t C) {
  Doubles y(x.size());
  for (std::size_t row = 0; row < x.size(); row += C) {
    const double log_sum = log_sum_exp(&x[row], C);
    for (std::size_t i = row; i < row + C; ++i) y[i] = x[i] - log_sum;
  }
  return y;
}

inline Doubles softmax_fwd(const Doubles& x, std::size_t C) {
  Doubles y = log_softmax_fwd(x, C);
  for (double& v : y) v = std::exp(v);
  return y;
}

// From the Jacobian dy_j/dx_i = y_j (1[i = j] - y_i).
inline Doubles softmax_bwd(const Doubles& y, const Doubles& dy, std::size_t C) {
  Doubles dx(y.size());
  for (std::size_t row = 0; row < y.size(); row += C) {
    double dot = 0.0;
    for (std::size_t j = row; j < row + C; ++j) dot += dy[j] * y[j];
    for (std::size_t i = row; i < row + C; ++i) dx[i] = y[i] * (dy[i] - dot);
  }
  return dx;
}

// From the Jacobian dy_j/dx_i = 1[i = j] - e^y_i.
inline Doubles log_softmax_bwd(const Doubles& y, const Doubles& dy, std::size_t C) {
  Doubles dx(y.size());
  for (std::size_t row = 0; row < y.size(); row += C) {
    double total = 0.0;
    for (std::size_t j = row; j < row + C; ++j) total += dy[j];
    for (std::size_t i = row; i < row + C; ++i) dx[i] = dy[i] - std::exp(y[i]) * total;
  }
  return dx;
}

// Labels as probabilities.
inline Doubles one_hot(const std::vector<std::int32_t>& labels, std::size_t C) {
  Doubles target(labels.size() * C);
  for (std::size_t row = 0; row < labels.size(); ++row)
    target[row * C + static_cast<std::size_t>(labels[row])] = 1.0;
  return target;
}

struct CrossEntropy {
  double loss;          // the mean over rows
  Doubles diff_logits;  // of that mean
};

inline CrossEntropy cross_entropy(const Doubles& logits, Doubles target, double smoothing, std::size_t C) {
  for (double& t : target) t = (1.0 - smoothing) * t + smoothing / static_cast<double>(C);
  const Doubles log_p = log_softmax_fwd(logits, C);
  const double rows = static_cast<double>(logits.size() / C);
  CrossEntropy result{0.0, Doubles(logits.size())};
  Doubles diff_log_p(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    result.loss -= target[i] * log_p[i] / rows;
    diff_log_p[i] = -target[i] / rows;
  }
  result.diff_logits = log_softmax_bwd(log_p, diff_log_p, C);
  return result;
}

}  // namespace espalier::kernels::reference
