// Matrix products, in the two forms that networks need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/base/dispatch.h"
#include "kernels/base/element.h"

namespace espalier::kernels {

// Plain row-major product of parameters:  C[M, N] = alpha * op(A)[M, K] * op(B)[K, N] + beta * C
// lda, ldb, ldc are the distances between rows of the stored matrices. beta == 0 never reads C.
// symmetric promises that the result equals its transpose, as A A^T does: half of it is computed, and copied.
// Denormals may count as zeros (base/denormals.h).
struct GemmShape {
  std::int64_t M = 0, N = 0, K = 0;
  bool transpose_a = false, transpose_b = false;
  std::int64_t lda = 0, ldb = 0, ldc = 0;
  float alpha = 1.0f, beta = 0.0f;
  bool symmetric = false;
};
void gemm_f32(const GemmShape& shape, const float* A, const float* B, float* C);

// Linear layer over activations in lanes, tokens included (T = 1 for [N, IC]):
//   dst[n, t, oc] = bias[oc] + sum over ic of weights[oc, ic] * src[n, t, ic]
//   src, diff_src [N/16][T][IC][16]   dst, diff_dst [N/16][T][OC][16]   weights [OC][IC]   bias [OC] or null
struct LinearShape {
  std::int64_t N = 0;
  int T = 1, IC = 0, OC = 0;
  Element element = Element::f32;  // of activations in memory; each family of kernels is of one
};
void linear_fwd_f32(const LinearShape&, const float* src, const float* weights, const float* bias,
                    float* dst);
void linear_bwd_data_f32(const LinearShape&, const float* diff_dst, const float* weights, float* diff_src);
// Overwrites diff_weights and, unless null, diff_bias.
void linear_bwd_weights_f32(const LinearShape&, const float* src, const float* diff_dst, float* diff_weights,
                            float* diff_bias);

// The same over activations of bf16. Weights may be multiplied rounded to bf16; sums and gradients of
// parameters are f32. A family of its own, for products of bf16 and of matrix tiles are faster here.
struct LinearBf16Kernels {
  Isa isa;
  // Of any pass, to be aligned to 64 bytes; may depend on num_threads().
  std::size_t (*scratch_bytes)(const LinearShape&);
  void (*fwd)(const LinearShape&, const Bf16* src, const float* weights, const float* bias, Bf16* dst,
              void* scratch);
  void (*bwd_data)(const LinearShape&, const Bf16* diff_dst, const float* weights, Bf16* diff_src,
                   void* scratch);
  void (*bwd_weights)(const LinearShape&, const Bf16* src, const Bf16* diff_dst, float* diff_weights,
                      float* diff_bias, void* scratch);
};
// The tables, best first, whether or not this CPU can run them; and the one that this process uses.
const std::vector<const LinearBf16Kernels*>& linear_bf16_kernels();
const LinearBf16Kernels& linear_bf16();

// Product of two activations image by image (attention's scores and values):
//   C[n, b, m, j] = alpha * sum over k of op(A)[n, b, m, k] * op(B)[n, b, k, j]
//   A [N/16][B][M][K][16] ([K][M] when transposed), B [N/16][B][K][J][16] ([J][K]), C [N/16][B][M][J][16]
// The strides are vectors from one matrix to the next, 0 where none lie between: activations of rank 4 pad
// their planes (kernels/base/lanes.h). Padding is neither read nor written.
struct LaneMatmulShape {
  std::int64_t N = 0;
  int B = 1, M = 0, J = 0, K = 0;
  bool transpose_a = false, transpose_b = false;
  float alpha = 1.0f;
  std::int64_t stride_a = 0, stride_b = 0, stride_c = 0;

  std::int64_t a_vectors() const { return stride_a != 0 ? stride_a : std::int64_t{M} * K; }
  std::int64_t b_vectors() const { return stride_b != 0 ? stride_b : std::int64_t{K} * J; }
  std::int64_t c_vectors() const { return stride_c != 0 ? stride_c : std::int64_t{M} * J; }
};
void lane_matmul_f32(const LaneMatmulShape&, const float* A, const float* B, float* C);

// The family compiled for one ISA (kernels/base/dispatch.h); the functions above are the active one's.
struct GemmKernels {
  Isa isa;
  void (*gemm)(const GemmShape&, const float* A, const float* B, float* C);
  void (*linear_fwd)(const LinearShape&, const float* src, const float* weights, const float* bias,
                     float* dst);
  void (*linear_bwd_data)(const LinearShape&, const float* diff_dst, const float* weights, float* diff_src);
  void (*linear_bwd_weights)(const LinearShape&, const float* src, const float* diff_dst, float* diff_weights,
                             float* diff_bias);
  void (*lane_matmul)(const LaneMatmulShape&, const float* A, const float* B, float* C);
};

}  // namespace espalier::kernels
