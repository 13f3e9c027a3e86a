// Plain row-major matrix product, as Goto and van de Geijn ordered it ("Anatomy of high-performance matrix
// multiplication", 2008): a block of B is packed once and stays in the L2 cache while strips of A, each
// packed into the L1 cache, pass over it. Packing also takes care of the transposes, of alpha and of the tail
// of N. Of a symmetric product only what lies right of each strip's diagonal is computed.
#pragma once

#include "kernels/base/denormals.h"
#include "kernels/base/parallel.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/micro.h"
#include "kernels/gemm/pack.h"

namespace espalier::kernels {
namespace {

constexpr int kBlockK = 256;        // steps of k summed in registers between two visits to C
constexpr int kBlockColumns = 256;  // of B and C in a task: 256 KiB of B packed
constexpr int kBlockRows = 224;     // of A and C in a task, at most: packing B takes a fiftieth of the time

// C[rows, columns] *= beta, where beta == 0 does not read C.
inline void scale_block(float* C, std::int64_t ldc, int rows, int columns, float beta) {
  for (int m = 0; m < rows; ++m) {
    for (int n = 0; n < columns; ++n) C[m * ldc + n] = beta == 0.0f ? 0.0f : beta * C[m * ldc + n];
  }
}

// C[height, columns] += A[K][height] * B, both packed; B is [vector blocks][K][widest * 16].
inline void multiply_panel(const float* A, int height, const float* B, int K, float* C, std::int64_t ldc,
                           int columns) {
  const int widest = max_vectors(height);
  for (int n = 0; n < columns; n += widest * 16) {
    const int left = columns - n < widest * 16 ? columns - n : widest * 16, vectors = (left + 15) / 16;
    // The last columns are computed aside if they fill no vector.
    alignas(64) float edge[kMaxRows][kMaxVectors * 16];
    const bool aside = left % 16 != 0;
    if (aside) {
      for (int m = 0; m < height; ++m) {
        for (int i = 0; i < left; ++i) edge[m][i] = C[m * ldc + n + i];
      }
    }
    BlockArgs<> args;
    args.channels = K;
    args.A = A;
    args.a_step = height;
    args.b_step = widest * 16;
    args.c_step = aside ? kMaxVectors * 16 : ldc;
    args.accumulate = true;
    for (int i = 0; i < vectors; ++i) {
      args.b[i] = B + std::int64_t{n} * K + i * 16;
      args.c[i] = (aside ? edge[0] : C + n) + i * 16;
    }
    block_kernel(height, vectors)(args);
    if (aside) {
      for (int m = 0; m < height; ++m) {
        for (int i = 0; i < left; ++i) C[m * ldc + n + i] = edge[m][i];
      }
    }
  }
}

// C[i][j] = C[j][i] for i > j, except inside the 16x16 blocks on the diagonal.
inline void mirror_upper(std::int64_t M, float* C, std::int64_t ldc) {
  parallel_for((M + 15) / 16, [&](std::int64_t block) {
    const std::int64_t i = block * 16;
    const int rows = static_cast<int>(M - i < 16 ? M - i : 16);
    for (std::int64_t j = 0; j < i; j += 16) {
      Vec lower[16];
      load_transposed(C + j * ldc + i, ldc, 16, rows, lower);
      for (int row = 0; row < rows; ++row) store(C + (i + row) * ldc + j, lower[row]);
    }
  });
}

void gemm(const GemmShape& s, const float* A, const float* B, float* C) {
  const std::int64_t a_m = s.transpose_a ? 1 : s.lda, a_k = s.transpose_a ? s.lda : 1;
  const std::int64_t b_n = s.transpose_b ? s.ldb : 1, b_k = s.transpose_b ? 1 : s.ldb;
  const std::int64_t fewest_blocks = (s.M + kBlockRows - 1) / kBlockRows;
  const std::int64_t task_rows = fewest_blocks == 0 ? 1 : (s.M + fewest_blocks - 1) / fewest_blocks;
  const std::int64_t row_blocks = (s.M + task_rows - 1) / task_rows;
  const std::int64_t column_blocks = (s.N + kBlockColumns - 1) / kBlockColumns;
  parallel_for(row_blocks * column_blocks, [&](std::int64_t task) {
    const FlushDenormals flush;
    const std::int64_t m0 = task / column_blocks * task_rows, n0 = task % column_blocks * kBlockColumns;
    const int rows = static_cast<int>(s.M - m0 < task_rows ? s.M - m0 : task_rows);
    const int columns = static_cast<int>(s.N - n0 < kBlockColumns ? s.N - n0 : kBlockColumns);
    const Panels panels(rows);
    // The first of the task's columns, in whole blocks of the micro-kernel, that row m and those below need.
    const auto first_column = [&](int m, int width) {
      const std::int64_t diagonal = s.symmetric ? m0 + m - n0 : 0;
      return diagonal <= 0 ? 0 : diagonal < columns ? static_cast<int>(diagonal) / width * width : columns;
    };
    alignas(64) float packed_b[(kBlockColumns + kMaxVectors * 16) * kBlockK];
    alignas(64) float packed_a[kMaxRows * kBlockK + 16];
    float* c = C + m0 * s.ldc + n0;
    if (s.beta != 1.0f) scale_block(c, s.ldc, rows, columns, s.beta);
    for (std::int64_t k0 = 0; k0 < s.K; k0 += kBlockK) {
      const int K = static_cast<int>(s.K - k0 < kBlockK ? s.K - k0 : kBlockK);
      int packed_width = 0;
      for (int panel = 0; panel < panels.count; ++panel) {
        const int height = panels.height(panel), m = panels.begin(panel), width = max_vectors(height) * 16;
        const int first = first_column(m, width);
        if (first == columns) break;
        // Panels differ in height by at most one, so this repacks for few of them if for any.
        if (width != packed_width) {
          for (int n = first; n < columns; n += 16) {
            pack_strip(B + (n0 + n) * b_n + k0 * b_k, b_n, b_k, columns - n < 16 ? columns - n : 16, K, 1.0f,
                       packed_b + std::int64_t{n / width * width} * K + n % width, width);
          }
          packed_width = width;
        }
        pack_strip(A + (m0 + m) * a_m + k0 * a_k, a_m, a_k, height, K, s.alpha, packed_a, height);
        multiply_panel(packed_a, height, packed_b + std::int64_t{first} * K, K, c + m * s.ldc + first, s.ldc,
                       columns - first);
      }
    }
  });
  if (s.symmetric) mirror_upper(s.M, C, s.ldc);
}

}  // namespace
}  // namespace espalier::kernels
