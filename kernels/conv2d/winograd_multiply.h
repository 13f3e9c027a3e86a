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

template <PanelOrder order>
struct MultiplyTable {
  MultiplyPanel kernel[kPanelVectors][kPanelRows];

  constexpr MultiplyTable() : kernel() { fill<kPanelRows, kPanelVectors>(); }
  template <int MR, int NV>
  constexpr void fill() {
    kernel[NV - 1][MR - 1] = multiply_panel<MR, NV, order>;
    if constexpr (MR > 1) {
      fill<MR - 1, NV>();
    } else if constexpr (NV > 1) {
      fill<kPanelRows, NV - 1>();
    }
  }
};

// The kernel for `rows` <= kPanelRows rows and `vectors` <= kPanelVectors vectors.
template <PanelOrder order>
ESPALIER_INLINE MultiplyPanel multiply_kernel(int rows, int vectors) {
  static constexpr MultiplyTable<order> kTable;
  return kTable.kernel[vectors - 1][rows - 1];
}

// Channels in panels of at most kPanelRows, as even as can be: 64 is 5 panels of 12 or 13, not 4 of 14 and
// one of 8.
class Panels {
 public:
  explicit Panels(int channels)
      : count_((channels + kPanelRows - 1) / kPanelRows),
        rows_(channels / count_),
        longer_(channels % count_) {}

  int count() const { return count_; }
  int begin(int panel) const { return panel * rows_ + (panel < longer_ ? panel : longer_); }
  int rows(int panel) const { return rows_ + (panel < longer_ ? 1 : 0); }
  int max_rows() const { return rows(0); }

 private:
  int count_;
  int rows_;    // in each panel
  int longer_;  // the first panels, which have one more
};

}  // namespace
}  // namespace espalier::kernels
