// The nearest matrix with orthonormal rows (or columns, where it is taller than wide), roughly: every
// singular value is brought close to 1 by matrix products alone.
//
//   X = G / |G|;   steps times  X = a X + (b A + c A^2) X,  A = X X^T
//
// The odd polynomial's coefficients (Jordan et al., "Muon", 2024, kellerjordan.github.io/posts/muon) are
// chosen for speed where values are small: after five steps those above 0.01 of the norm lie within 0.7
// .. 1.2.
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
  Tensor next_, gram_, polynomial_;
};

}  // namespace espalier::optim
