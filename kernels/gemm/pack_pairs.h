// Packing of f32 weights to the pairs of channels that Bf16Product broadcasts.
#pragma once

#include "kernels/base/pairs.h"
#include "kernels/gemm/pack.h"

namespace espalier::kernels {
namespace {

template <class Scalar>
inline constexpr bool kIsPair = false;
template <>
inline constexpr bool kIsPair<Pair> = true;

// to[c / 2][i] = from[c][i] and from[c + 1][i], rounded, for i < row; zero in the place of a last channel's
// missing partner. Both arrays need room for a vector beyond their end.
inline void pair_channels(const float* from, int channels, std::int64_t row, Pair* to) {
  for (int c = 0; c < channels; c += 2, from += 2 * row, to += row) {
    for (std::int64_t i = 0; i < row; i += 16) {
      store_pairs(to + i, round_to_pairs(load(from + i), c + 1 < channels ? load(from + row + i) : zero()));
    }
  }
}

// to[c / 2][tap][m] = from[m * m_stride + c * channel_stride + tap] and the same of c + 1, for m < height
// <= 16.
inline void pack_pair_strip(const float* from, std::int64_t m_stride, std::int64_t channel_stride, int height,
                            int channels, int taps, Pair* to) {
  constexpr int kTaps = 16;
  alignas(64) float wide[2 * kTaps * 16 + 16];  // [2 channels][taps][height]
  for (int c = 0; c < channels; c += 2, from += 2 * channel_stride) {
    const int partners = channels - c < 2 ? 1 : 2;
    for (int tap = 0; tap < taps; tap += kTaps) {
      const int count = taps - tap < kTaps ? taps - tap : kTaps, row = count * height;
      for (int i = 0; i < partners; ++i) {
        pack_strip(from + i * channel_stride + tap, m_stride, 1, height, count, 1.0f, wide + i * row, height);
      }
      pair_channels(wide, partners, row, to);
      to += row;
    }
  }
}

}  // namespace
}  // namespace espalier::kernels
