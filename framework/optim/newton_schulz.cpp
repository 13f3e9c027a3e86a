#include "framework/optim/newton_schulz.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/backend.h"
#include "kernels/update/update.h"

namespace espalier::optim {
namespace {

constexpr float kA = 3.4445f, kB = -4.7750f, kC = 2.0315f;
constexpr double kEpsilon = 1e-7;  // a gradient this small has no direction

// c = alpha * a b + beta * c, all [side, side] polynomials of one symmetric matrix: so is c.
void multiply_squares(std::int64_t side, const float* a, const float* b, float* c, float alpha = 1.0f,
                      float beta = 0.0f) {
  kernels::backend_gemm_f32({.M = side,
                             .N = side,
                             .K = side,
                             .lda = side,
                             .ldb = side,
                             .ldc = side,
                             .alpha = alpha,
                             .beta = beta,
                             .symmetric = true},
                            a, b, c);
}

}  // namespace

NewtonSchulz::NewtonSchulz(std::int64_t max_elements, std::int64_t max_shorter_side)
    : result_(Tensor::empty({max_elements})) {
  for (Tensor* square : {&gram_, &polynomial_, &product_, &square_})
    *square = Tensor::empty({max_shorter_side, max_shorter_side});
}

void NewtonSchulz::orthogonalize(std::int64_t rows, std::int64_t cols, int steps, float* X) {
  const std::int64_t n = rows * cols, side = std::min(rows, cols);
  const bool wide = rows <= cols;
  const double norm = std::sqrt(kernels::update().sum_squares(n, nullptr, X));
  const float scale = static_cast<float>(1.0 / (norm + kEpsilon));
  for (std::int64_t i = 0; i < n; ++i) X[i] *= scale;

  float *A = gram_.data(), *P = polynomial_.data(), *Q = product_.data(), *scratch = square_.data();
  kernels::backend_gemm_f32({.M = side,
                             .N = side,
                             .K = std::max(rows, cols),
                             .transpose_a = !wide,
                             .transpose_b = wide,
                             .lda = cols,
                             .ldb = cols,
                             .ldc = side,
                             .symmetric = true},
                            X, X, A);
  for (int step = 0; step < steps; ++step) {
    std::copy_n(A, side * side, P);
    multiply_squares(side, A, A, P, kC, kB);
    for (std::int64_t i = 0; i < side; ++i) P[i * side + i] += kA;
    if (step == 0) {
      std::copy_n(P, side * side, Q);
    } else {
      multiply_squares(side, P, Q, scratch);
      std::swap(Q, scratch);
    }
    if (step + 1 == steps) break;
    multiply_squares(side, P, A, scratch);
    multiply_squares(side, scratch, P, A);
  }
  kernels::backend_gemm_f32(
      {.M = rows, .N = cols, .K = side, .lda = wide ? side : cols, .ldb = wide ? cols : side, .ldc = cols},
      wide ? Q : X, wide ? X : Q, result_.data());
  std::copy_n(result_.data(), n, X);
}

}  // namespace espalier::optim
