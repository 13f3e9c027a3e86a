#include "framework/core/symmetric_eigen.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "framework/core/error.h"

namespace espalier {
namespace {

// Rotates rows (or columns, with the strides exchanged) p and q by the angle of cosine c and sine s.
void rotate(std::vector<double>& m, int n, std::ptrdiff_t p, std::ptrdiff_t q, double c, double s,
            std::ptrdiff_t along, std::ptrdiff_t across) {
  for (int i = 0; i < n; ++i) {
    double& a = m[static_cast<std::size_t>(p * across + i * along)];
    double& b = m[static_cast<std::size_t>(q * across + i * along)];
    const double before = a;
    a = c * before - s * b;
    b = s * before + c * b;
  }
}

}  // namespace

SymmetricEigen symmetric_eigen(std::vector<double> matrix, int n) {
  check(n > 0 && matrix.size() == static_cast<std::size_t>(n) * static_cast<std::size_t>(n),
        "symmetric_eigen", "expected {} x {} numbers, got {}", n, n, matrix.size());
  const auto at = [n](std::vector<double>& m, int i, int j) -> double& {
    return m[static_cast<std::size_t>(std::ptrdiff_t{i} * n + j)];
  };
  double size = 0.0;
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < i; ++j) at(matrix, i, j) = at(matrix, j, i);
  }
  for (double x : matrix) size += x * x;
  check(std::isfinite(size), "symmetric_eigen", "expected finite numbers");
  std::vector<double> vectors(matrix.size(), 0.0);
  for (int i = 0; i < n; ++i) at(vectors, i, i) = 1.0;

  constexpr int kSweeps = 60;  // quadratic convergence: a dozen are plenty
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    double off_diagonal = 0.0;
    for (int p = 0; p < n; ++p) {
      for (int q = p + 1; q < n; ++q) off_diagonal += at(matrix, p, q) * at(matrix, p, q);
    }
    if (off_diagonal <= 1e-30 * size) break;
    for (int p = 0; p < n; ++p) {
      for (int q = p + 1; q < n; ++q) {
        const double pq = at(matrix, p, q);
        if (pq == 0.0) continue;
        // The smaller of the two angles that make (p, q) zero.
        const double tau = (at(matrix, q, q) - at(matrix, p, p)) / (2.0 * pq);
        const double t = std::copysign(1.0, tau) / (std::abs(tau) + std::sqrt(1.0 + tau * tau));
        const double c = 1.0 / std::sqrt(1.0 + t * t), s = t * c;
        rotate(matrix, n, p, q, c, s, 1, n);
        rotate(matrix, n, p, q, c, s, n, 1);
        rotate(vectors, n, p, q, c, s, 1, n);
      }
    }
  }

  std::vector<int> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int i, int j) { return at(matrix, i, i) > at(matrix, j, j); });
  SymmetricEigen result;
  for (int i : order) {
    result.values.push_back(at(matrix, i, i));
    const auto row = vectors.begin() + std::ptrdiff_t{i} * n;
    const double largest =
        *std::max_element(row, row + n, [](double a, double b) { return std::abs(a) < std::abs(b); });
    for (int j = 0; j < n; ++j) result.vectors.push_back(largest < 0.0 ? -row[j] : row[j]);
  }
  return result;
}

}  // namespace espalier
