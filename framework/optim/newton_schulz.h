// The nearest matrix with orthonormal rows (or columns, where it is taller than wide), roughly: every
// singular value is brought close to 1 by matrix products alone.
//
//   X = G / |G|;   steps times  X = P X,  P = a I + b A + c A^2,  A = X X^T
//
// The odd polynomial's coefficients (Jordan et al., "Muon", 2024, kellerjordan.github.io/posts/muon) are
// chosen for speed where values are small: after five steps those above 0.01 of the norm lie within 0.68 ..
// 1.14.
//
// All P are polynomials of the first A, so they commute, and A can be carried along without X:
//
//   A = X X^T;   Q = I;   steps times  Q = P Q,  A = P A P;   then  X = Q X
//
// Only the first and the last product have X's longer side, and all but the last are symmetric, so that half
// of each is enough: for a 512 x 4608 matrix and five steps that is 6 GFLOP instead of 25. The price is
// precision where it does not count: A knows singular values below 3e-4 of the largest only by their rounding
// errors, and those stay small.
#pragma once

#include <cstdint>

#include "framework/tensor/tensor.h"

namespace espalier::optim {

class NewtonSchulz {
 public:
  // Room for matrices of so many elements, whose shorter side is so long.
  NewtonSchulz(std::int64_t max_elements, std::int64_t max_shorter_side);

  // Replaces X [rows, cols], row-major. A matrix of zeros stays one.
  void orthogonalize(std::int64_t rows, std::int64_t cols, int steps, float* X);

 private:
  Tensor result_;                                // [rows, cols]
  Tensor gram_, polynomial_, product_, square_;  // A, P, Q and scratch: [side, side]
};

}  // namespace espalier::optim
