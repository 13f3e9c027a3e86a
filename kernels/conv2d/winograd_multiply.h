// The products of Winograd: one small matrix product for each frequency.
//
// The operands were laid out for this, so unlike the micro-kernel of kernels/gemm/micro.h this one has no
// strides, no taps and no pointers to choose: everything but K is known to the compiler. It runs 8% faster at
// K = 64.
#pragma once

#include "kernels/gemm/micro.h"

namespace espalier::kernels {
namespace {

// Vectors in a block of products.
constexpr int kPanelVectors = kVecIsa == Isa::avx512 ? 2 : 1;

// Where A[m][k] lies within a chunk of steps k.
enum class PanelOrder {
  rows,   // [k][m]: transformed weights
  lanes,  // [m][k]: activations, whose lanes are the kLaneSteps steps
};

// C[m][n] (+)= sum over k < K of A[m][k] * B[k][n],  m < MR, n < NV vectors; B [K][NV*16], C [MR][NV*16].
// K is a multiple of kLaneSteps for PanelOrder::lanes.
template <class Product, int MR, int NV, PanelOrder order>
void multiply_panel(const typename Product::Scalar* A, const typename Product::Scalar* B, float* C, int K,
                    bool accumulate) {
  constexpr int kChunk = order == PanelOrder::rows ? 16 : Product::kLaneSteps;
  constexpr int kRow = order == PanelOrder::rows ? 1 : kChunk, kStep = order == PanelOrder::rows ? MR : 1;
  Vec c[MR][NV];
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) ESPALIER_UNROLL for (int n = 0; n < NV; ++n) c[m][n] =
      accumulate ? load(C + (m * NV + n) * 16) : zero();
  // What the next call reads: weights further on in a stream, or the sums behind these, a line a step.
  const float* next_sums = C + MR * NV * 16;
  const auto step = [&](const typename Product::Scalar* a) __attribute__((always_inline)) {
    if constexpr (order == PanelOrder::rows) {
      __builtin_prefetch(a + kScalarsAhead);
    } else {
      __builtin_prefetch(next_sums, 1);
      next_sums += 16;
    }
    typename Product::Vector b[NV];
    ESPALIER_UNROLL for (int n = 0; n < NV; ++n) b[n] = Product::load_vector(B + n * 16);
    ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
      const auto am = broadcast(a[m * kRow]);
      ESPALIER_UNROLL for (int n = 0; n < NV; ++n) c[m][n] = Product::multiply_add(am, b[n], c[m][n]);
    }
    B += NV * 16;
  };
  int k = 0;
  for (; k + kChunk <= K; k += kChunk, A += kChunk * MR) {
    for (int i = 0; i < kChunk; i += 4) {
      ESPALIER_UNROLL for (int j = 0; j < 4; ++j) step(A + (i + j) * kStep);
    }
  }
  for (; k < K; ++k, A += kStep) step(A);
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) ESPALIER_UNROLL for (int n = 0; n < NV; ++n)
      store(C + (m * NV + n) * 16, c[m][n]);
}

template <class Product>
using MultiplyPanel = void (*)(const typename Product::Scalar* A, const typename Product::Scalar* B, float* C,
                               int K, bool accumulate);

// How many rows fit the registers beside that many vectors.
constexpr int max_panel_rows(int vectors) { return kVecIsa == Isa::avx512 && vectors == 1 ? 16 : kMaxRows; }

template <class Product, PanelOrder order>
struct MultiplyTable {
  MultiplyPanel<Product> kernel[kPanelVectors][max_panel_rows(1)];

  constexpr MultiplyTable() : kernel() { fill<1, 1>(); }
  template <int MR, int NV>
  constexpr void fill() {
    kernel[NV - 1][MR - 1] = multiply_panel<Product, MR, NV, order>;
    if constexpr (MR < max_panel_rows(NV)) {
      fill<MR + 1, NV>();
    } else if constexpr (NV < kPanelVectors) {
      fill<1, NV + 1>();
    }
  }
};

// The kernel for 1 <= vectors <= kPanelVectors and 1 <= rows <= max_panel_rows(vectors).
template <class Product, PanelOrder order>
ESPALIER_INLINE MultiplyPanel<Product> multiply_kernel(int rows, int vectors) {
  static constexpr MultiplyTable<Product, order> kTable;
  return kTable.kernel[vectors - 1][rows - 1];
}

}  // namespace
}  // namespace espalier::kernels
