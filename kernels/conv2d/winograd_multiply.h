// The products of Winograd, one small matrix product for each frequency, and how channels are cut into panels
// for them.
#pragma once

#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

// Accumulators that fit the registers: rows (broadcast operand) x 16-lane vectors.
#if defined(__AVX512F__)
constexpr int kPanelRows = 14, kPanelVectors = 2;
#elif defined(__AVX2__) || defined(__aarch64__)
constexpr int kPanelRows = 6, kPanelVectors = 1;
#else
constexpr int kPanelRows = 2, kPanelVectors = 1;
#endif

// Where A[m][k] lies within 16 steps of k.
enum class PanelOrder {
  rows,   // [k][m]: transformed weights
  lanes,  // [m][k]: activations, whose 16 lanes are the steps
};

// C[m][n] (+)= sum over k < K of A[m][k] * B[k][n],  m < MR, n < NV vectors; B [K][NV*16], C [MR][NV*16].
// K is a multiple of 16 for PanelOrder::lanes.
template <int MR, int NV, PanelOrder order>
__attribute__((noinline)) void multiply_panel(const float* A, const float* B, float* C, int K,
                                              bool accumulate) {
  constexpr int kRow = order == PanelOrder::rows ? 1 : 16, kStep = order == PanelOrder::rows ? MR : 1;
  Vec c[MR][NV];
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) ESPALIER_UNROLL for (int n = 0; n < NV; ++n) c[m][n] =
      accumulate ? load(C + (m * NV + n) * 16) : zero();
  const auto step = [&](const float* a) __attribute__((always_inline)) {
    Vec b[NV];
    ESPALIER_UNROLL for (int n = 0; n < NV; ++n) b[n] = load(B + n * 16);
    ESPALIER_UNROLL for (int m = 0; m < MR; ++m) {
      const Vec am = broadcast(a[m * kRow]);
      ESPALIER_UNROLL for (int n = 0; n < NV; ++n) c[m][n] = fma(am, b[n], c[m][n]);
    }
    B += NV * 16;
  };
  int k = 0;
  for (; k + 16 <= K; k += 16, A += 16 * MR) {
    for (int i = 0; i < 16; i += 4) { ESPALIER_UNROLL for (int j = 0; j < 4; ++j) step(A + (i + j) * kStep); }
  }
  for (; k < K; ++k, A += kStep) step(A);
  ESPALIER_UNROLL for (int m = 0; m < MR; ++m) ESPALIER_UNROLL for (int n = 0; n < NV; ++n)
      store(C + (m * NV + n) * 16, c[m][n]);
}

using MultiplyPanel = void (*)(const float* A, const float* B, float* C, int K, bool accumulate);

// The kernel for `rows` <= MR rows and `vectors` <= NV vectors.
template <PanelOrder order, int MR = kPanelRows, int NV = kPanelVectors>
MultiplyPanel multiply_kernel(int rows, int vectors) {
  if constexpr (NV > 1) {
    if (vectors < NV) return multiply_kernel<order, MR, NV - 1>(rows, vectors);
  }
  if constexpr (MR > 1) {
    if (rows < MR) return multiply_kernel<order, MR - 1, NV>(rows, vectors);
  }
  return multiply_panel<MR, NV, order>;
}

// Channels in panels of at most kPanelRows, as even as can be: 64 is 5 panels of 12 or 13, not 4 of 14 and
// one of 8.
struct Panels {
  int channels;
  int count() const { return (channels + kPanelRows - 1) / kPanelRows; }
  int begin(int panel) const { return static_cast<int>(std::int64_t{channels} * panel / count()); }
  int rows(int panel) const { return begin(panel + 1) - begin(panel); }
  int max_rows() const { return (channels + count() - 1) / count(); }
};

}  // namespace
}  // namespace espalier::kernels
