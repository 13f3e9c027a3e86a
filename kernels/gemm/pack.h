// Packing: copies a strip of a matrix so that the micro-kernel walks it from front to back.
#pragma once

#include "kernels/base/transpose.h"
#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

// to[k * to_stride + m] = scale * from[m * m_stride + k * k_stride] for m < height <= 16, k < K.
// One of the two strides is 1. Every k writes 16 floats, zeros after the first `height`: strips narrower than
// 16 overlap, each k overwriting the zeros of the one before, and the last needs room for a whole vector.
// Returns to + K * to_stride.
inline float* pack_strip(const float* from, std::int64_t m_stride, std::int64_t k_stride, int height,
                         std::int64_t K, float scale, float* to, std::int64_t to_stride) {
  const Vec factor = broadcast(scale);
  if (k_stride == 1) {
    for (std::int64_t k = 0; k < K; k += 16) {
      const int count = K - k < 16 ? static_cast<int>(K - k) : 16;
      Vec columns[16];
      load_transposed(from + k, m_stride, height, count, columns);
      for (int i = 0; i < count; ++i, to += to_stride) store(to, factor * columns[i]);
    }
    return to;
  }
  const Mask16 valid = first_lanes(height);
  for (std::int64_t k = 0; k < K; ++k, from += k_stride, to += to_stride) {
    if ((K - 1 - k) * k_stride + height >= 16) {  // 16 floats from here on are inside the matrix
      store(to, select(valid, factor * load(from), zero()));
    } else {
      alignas(64) float row[16] = {};
      for (int m = 0; m < height; ++m) row[m] = from[m];
      store(to, factor * load(row));
    }
  }
  return to;
}

}  // namespace
}  // namespace espalier::kernels
