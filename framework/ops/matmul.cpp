#include "framework/ops/matmul.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/ops/to_dtype.h"
#include "kernels/backend.h"
#include "kernels/base/lanes.h"
#include "kernels/gemm/gemm.h"

namespace espalier::ops {
namespace {

void check_inputs(const Tensor& a, const Tensor& b) {
  constexpr const char* op = "matmul";
  const bool kinds = a.defined() && b.defined() && a.layout() == b.layout() && a.dtype() == b.dtype() &&
                     a.rank() == b.rank() && (a.is_lanes() ? a.rank() == 3 || a.rank() == 4 : a.rank() == 2);
  check(kinds, op,
        "expected two plain matrices, or two activations of one type and of rank 3 or 4, got {} and {}; "
        "activations times a "
        "plain "
        "matrix is ops::linear",
        describe(a), describe(b));
  bool batch = true;
  for (int d = 0; d + 2 < a.rank(); ++d) batch = batch && a.dim(d) == b.dim(d);
  check(batch && a.dim(-1) == b.dim(-2), op,
        "b expects {} rows, as many as a has columns, and the same leading sizes, got {} and {}", a.dim(-1),
        describe(a), describe(b));
}

// op(a) op(b), op transposing the last two dimensions where asked.
Tensor product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b) {
  const std::int64_t m = a.dim(transpose_a ? -1 : -2), k = a.dim(transpose_a ? -2 : -1);
  const std::int64_t j = b.dim(transpose_b ? -2 : -1);
  Tensor c = Tensor::empty(a.shape().with(-2, m).with(-1, j), a.layout());
  if (!a.is_lanes()) {
    const kernels::GemmShape shape{.M = m,
                                   .N = j,
                                   .K = k,
                                   .transpose_a = transpose_a,
                                   .transpose_b = transpose_b,
                                   .lda = a.dim(1),
                                   .ldb = b.dim(1),
                                   .ldc = j};
    kernels::backend_gemm_f32(shape, a.data(), b.data(), c.data());
    return c;
  }
  const bool heads = a.rank() == 4;
  const auto stride = [&](const Tensor& t) {
    return heads ? kernels::plane_vectors(t.dim(2) * t.dim(3)) : 0;
  };
  const kernels::LaneMatmulShape shape{.N = a.dim(0),
                                       .B = heads ? static_cast<int>(a.dim(1)) : 1,
                                       .M = static_cast<int>(m),
                                       .J = static_cast<int>(j),
                                       .K = static_cast<int>(k),
                                       .transpose_a = transpose_a,
                                       .transpose_b = transpose_b,
                                       .stride_a = stride(a),
                                       .stride_b = stride(b),
                                       .stride_c = stride(c)};
  kernels::lane_matmul_f32(shape, a.data(), b.data(), c.data());
  return c;
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  check_inputs(a, b);
  // The kernels are of f32.
  if (is_activation(a) && a.dtype() == DType::bf16) {
    return to_dtype(matmul(to_dtype(a, DType::f32), to_dtype(b, DType::f32)), DType::bf16);
  }
  // Each operand is saved for the other's gradient:  da = dc b^T,  db = a^T dc.
  Tensor saved_a = b.requires_grad() ? a.detach() : Tensor();
  Tensor saved_b = a.requires_grad() ? b.detach() : Tensor();
  return record("matmul", {a, b}, product(a, false, b, false), [saved_a, saved_b](Backward& g) {
    if (g.needs(0)) g.give(0, product(g.grad(), false, saved_b, true));
    if (g.needs(1)) g.give(1, product(saved_a, true, g.grad(), false));
  });
}

}  // namespace espalier::ops
