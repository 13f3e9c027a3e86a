#include "framework/core/symmetric_eigen.h"

#include <doctest/doctest.h>

#include <cmath>

#include "framework/core/error.h"
#include "framework/core/random.h"

using namespace espalier;

TEST_CASE("eigenvectors are orthonormal, solve the equation, and come largest value first") {
  for (int n : {1, 2, 3, 12, 27}) {
    CAPTURE(n);
    Random random(static_cast<std::uint64_t>(n), "matrix");
    std::vector<double> m(static_cast<std::size_t>(n * n));
    const auto at = [n](const std::vector<double>& a, int i, int j) {
      return a[static_cast<std::size_t>(i * n + j)];
    };
    for (int i = 0; i < n; ++i) {
      for (int j = i; j < n; ++j) {
        const double x = double{random.normal()};
        m[static_cast<std::size_t>(i * n + j)] = m[static_cast<std::size_t>(j * n + i)] = x;
      }
    }
    const SymmetricEigen eigen = symmetric_eigen(m, n);
    for (int v = 0; v < n; ++v) {
      const auto value = eigen.values[static_cast<std::size_t>(v)];
      if (v > 0) CHECK(value <= eigen.values[static_cast<std::size_t>(v - 1)]);
      for (int i = 0; i < n; ++i) {
        double product = 0.0, dot = 0.0;
        for (int j = 0; j < n; ++j) {
          product += at(m, i, j) * at(eigen.vectors, v, j);
          dot += at(eigen.vectors, v, j) * at(eigen.vectors, i, j);
        }
        CHECK(product == doctest::Approx(value * at(eigen.vectors, v, i)).epsilon(1e-10).scale(n));
        CHECK(dot == doctest::Approx(v == i ? 1.0 : 0.0).epsilon(1e-10).scale(1));
      }
    }
  }
}

TEST_CASE("equal eigenvalues and zeros do no harm") {
  const SymmetricEigen eigen = symmetric_eigen({2, 0, 0, 0, 2, 0, 0, 0, 0}, 3);
  CHECK(eigen.values == std::vector<double>{2, 2, 0});
}

TEST_CASE("eigenvectors refuse what is no matrix of finite numbers") {
  CHECK_THROWS_AS(symmetric_eigen({1, 2, 3}, 2), Error);
  CHECK_THROWS_AS(symmetric_eigen({1, NAN, NAN, 1}, 2), Error);
}
