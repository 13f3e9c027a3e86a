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

}  // namespace

NewtonSchulz::NewtonSchulz(std::int64_t max_elements, std::int64_t max_shorter_side)
    : next_(Tensor::empty({max_elements})),
      gram_(Tensor::empty({max_shorter_side, max_shorter_side})),
      polynomial_(Tensor::empty({max_shorter_side, max_shorter_side})) {}

void NewtonSchulz::orthogonalize(std::int64_t rows, std::int64_t cols, int steps, float* X) {
  const std::int64_t n = rows * cols, side = std::min(rows, cols);
  const bool wide = rows <= cols;
  const double norm = std::sqrt(kernels::update().sum_squares(n, nullptr, X));
  const float scale = static_cast<float>(1.0 / (norm + kEpsilon));
  for (std::int64_t i = 0; i < n; ++i) X[i] *= scale;

  float *x = X, *next = next_.data(), *gram = gram_.data(), *polynomial = polynomial_.data();
  for (int step = 0; step < steps; ++step) {
    // A, from the shorter side
    kernels::backend_gemm_f32({.M = side,
                               .N = side,
                               .K = std::max(rows, cols),
                               .transpose_a = !wide,
                               .transpose_b = wide,
                               .lda = cols,
                               .ldb = cols,
                               .ldc = side},
                              x, x, gram);
    // b A + c A^2
    std::copy_n(gram, side * side, polynomial);
    kernels::backend_gemm_f32(
        {.M = side, .N = side, .K = side, .lda = side, .ldb = side, .ldc = side, .alpha = kC, .beta = kB},
        gram, gram, polynomial);
    // a X + (b A + c A^2) X, or X (b A + c A^2)
    std::copy_n(x, n, next);
    kernels::backend_gemm_f32({.M = rows,
                               .N = cols,
                               .K = side,
                               .lda = wide ? side : cols,
                               .ldb = wide ? cols : side,
                               .ldc = cols,
                               .beta = kA},
                              wide ? polynomial : x, wide ? x : polynomial, next);
    std::swap(x, next);
  }
  if (x != X) std::copy_n(x, n, X);
}

}  // namespace espalier::optim
