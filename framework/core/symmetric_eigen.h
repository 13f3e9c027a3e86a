// Eigenvalues and eigenvectors of a small symmetric matrix.
#pragma once

#include <vector>

namespace espalier {

struct SymmetricEigen {
  std::vector<double> values;   // [n], the largest first
  std::vector<double> vectors;  // [n][n], one row for each value: orthonormal, its largest component positive
};

// Jacobi's method: rotations that each make one pair of off-diagonal elements zero, until all are (Golub and
// Van Loan, "Matrix computations", 8.5). `matrix` is [n][n]; what lies below its diagonal is not read.
SymmetricEigen symmetric_eigen(std::vector<double> matrix, int n);

}  // namespace espalier
