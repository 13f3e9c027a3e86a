// Blocks of up to 16x16 floats, read or written with rows and columns exchanged: how parameters (channels far
// apart) become vectors over channels, and activations (images in lanes) vectors over channels.
#pragma once

#include "kernels/base/pairs.h"

namespace espalier::kernels {
namespace {

#if defined(__AVX512F__) && !defined(ESPALIER_VEC_PORTABLE)

// out[i] lane j = in[j] lane i
ESPALIER_INLINE void transpose(const Vec (&in)[16], Vec (&out)[16]) {
  __m512d pairs[16];
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) {
    const __m512d lo0 = _mm512_castps_pd(_mm512_unpacklo_ps(in[4 * i].v, in[4 * i + 1].v));
    const __m512d hi0 = _mm512_castps_pd(_mm512_unpackhi_ps(in[4 * i].v, in[4 * i + 1].v));
    const __m512d lo1 = _mm512_castps_pd(_mm512_unpacklo_ps(in[4 * i + 2].v, in[4 * i + 3].v));
    const __m512d hi1 = _mm512_castps_pd(_mm512_unpackhi_ps(in[4 * i + 2].v, in[4 * i + 3].v));
    pairs[4 * i] = _mm512_unpacklo_pd(lo0, lo1);
    pairs[4 * i + 1] = _mm512_unpackhi_pd(lo0, lo1);
    pairs[4 * i + 2] = _mm512_unpacklo_pd(hi0, hi1);
    pairs[4 * i + 3] = _mm512_unpackhi_pd(hi0, hi1);
  }
  // The 128-bit block b of pairs[4*i + j] now holds rows 4i .. 4i+3 of column 4b + j.
  ESPALIER_UNROLL for (int j = 0; j < 4; ++j) {
    const __m512 r0 = _mm512_castpd_ps(pairs[j]), r1 = _mm512_castpd_ps(pairs[4 + j]);
    const __m512 r2 = _mm512_castpd_ps(pairs[8 + j]), r3 = _mm512_castpd_ps(pairs[12 + j]);
    const __m512 even01 = _mm512_shuffle_f32x4(r0, r1, 0x88), odd01 = _mm512_shuffle_f32x4(r0, r1, 0xdd);
    const __m512 even23 = _mm512_shuffle_f32x4(r2, r3, 0x88), odd23 = _mm512_shuffle_f32x4(r2, r3, 0xdd);
    out[j] = {_mm512_shuffle_f32x4(even01, even23, 0x88)};
    out[8 + j] = {_mm512_shuffle_f32x4(even01, even23, 0xdd)};
    out[4 + j] = {_mm512_shuffle_f32x4(odd01, odd23, 0x88)};
    out[12 + j] = {_mm512_shuffle_f32x4(odd01, odd23, 0xdd)};
  }
}

// Lane i = the sum over the lanes of in[i]: transposes as above, adding up as soon as two halves meet.
ESPALIER_INLINE Vec sums_of(const Vec (&in)[16]) {
  __m512 pairs[8], fours[4];
  ESPALIER_UNROLL for (int i = 0; i < 8; ++i) {
    pairs[i] = _mm512_add_ps(_mm512_unpacklo_ps(in[2 * i].v, in[2 * i + 1].v),
                             _mm512_unpackhi_ps(in[2 * i].v, in[2 * i + 1].v));
  }
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) {
    const __m512d a = _mm512_castps_pd(pairs[2 * i]), b = _mm512_castps_pd(pairs[2 * i + 1]);
    fours[i] =
        _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
  }
  // Each 128-bit block of fours[i] holds a quarter of the sums of in[4i .. 4i+3].
  const __m512 lo = _mm512_add_ps(_mm512_shuffle_f32x4(fours[0], fours[1], 0x88),
                                  _mm512_shuffle_f32x4(fours[0], fours[1], 0xdd));
  const __m512 hi = _mm512_add_ps(_mm512_shuffle_f32x4(fours[2], fours[3], 0x88),
                                  _mm512_shuffle_f32x4(fours[2], fours[3], 0xdd));
  return {_mm512_add_ps(_mm512_shuffle_f32x4(lo, hi, 0x88), _mm512_shuffle_f32x4(lo, hi, 0xdd))};
}

// out[col] lane row = p[row * stride + col] for row < rows, col < cols; zero elsewhere.
ESPALIER_INLINE void load_transposed(const float* p, std::int64_t stride, int rows, int cols,
                                     Vec (&out)[16]) {
  Vec in[16];
  const __mmask16 valid = first_lanes(cols);
  ESPALIER_UNROLL for (int row = 0; row < 16; ++row) {
    in[row].v = _mm512_maskz_loadu_ps(row < rows ? valid : __mmask16{0}, p + (row < rows ? row * stride : 0));
  }
  transpose(in, out);
}

// Of activations in lanes, whole vectors: out[lane] lane row = p[row * stride + lane] for row < rows; zero
// elsewhere.
template <class T>
ESPALIER_INLINE void load_lanes_transposed(const T* p, std::int64_t stride, int rows, Vec (&out)[16]) {
  Vec in[16];
  ESPALIER_UNROLL for (int row = 0; row < 16; ++row) in[row] = row < rows ? load(p + row * stride) : zero();
  transpose(in, out);
}

// p[row * stride + col] = in[col] lane row for row < rows, col < cols; nothing else is written.
ESPALIER_INLINE void store_transposed(float* p, std::int64_t stride, int rows, int cols,
                                      const Vec (&in)[16]) {
  Vec out[16];
  transpose(in, out);
  const __mmask16 valid = first_lanes(cols);
  for (int row = 0; row < rows; ++row) _mm512_mask_storeu_ps(p + row * stride, valid, out[row].v);
}

#else

ESPALIER_INLINE Vec sums_of(const Vec (&in)[16]) {
  alignas(64) float sums[16];
  for (int i = 0; i < 16; ++i) sums[i] = sum(in[i]);
  return load(sums);
}

ESPALIER_INLINE void load_transposed(const float* p, std::int64_t stride, int rows, int cols,
                                     Vec (&out)[16]) {
  alignas(64) float block[16][16] = {};  // [col][row]
  for (int row = 0; row < rows; ++row) {
    for (int col = 0; col < cols; ++col) block[col][row] = p[row * stride + col];
  }
  for (int col = 0; col < 16; ++col) out[col] = load(block[col]);
}

template <class T>
ESPALIER_INLINE void load_lanes_transposed(const T* p, std::int64_t stride, int rows, Vec (&out)[16]) {
  alignas(64) float block[16][16] = {};  // [lane][row]
  for (int row = 0; row < rows; ++row) {
    for (int lane = 0; lane < 16; ++lane) block[lane][row] = widen(p[row * stride + lane]);
  }
  for (int lane = 0; lane < 16; ++lane) out[lane] = load(block[lane]);
}

ESPALIER_INLINE void store_transposed(float* p, std::int64_t stride, int rows, int cols,
                                      const Vec (&in)[16]) {
  alignas(64) float block[16][16];  // [col][row]
  for (int col = 0; col < cols; ++col) store(block[col], in[col]);
  for (int row = 0; row < rows; ++row) {
    for (int col = 0; col < cols; ++col) p[row * stride + col] = block[col][row];
  }
}

#endif

// Two lanes at a time: out[i] lane row = lanes 2i and 2i+1 of p[row * stride + ...] for row < rows, i < 8.
ESPALIER_INLINE void load_lanes_transposed(const Bf16* p, std::int64_t stride, int rows, Pairs (&out)[16]) {
#if defined(__AVX512F__) && !defined(ESPALIER_VEC_PORTABLE)
  Vec in[16], columns[16];
  // Not even rows that are not there may be read: where there is none, p lies beyond the activation.
  ESPALIER_UNROLL for (int row = 0; row < 16; ++row) {
    in[row] = zero();
    if (row >= rows) continue;
    const auto* from = reinterpret_cast<const __m256i*>(p + row * stride);
    in[row] = as_vec({_mm512_castsi256_si512(_mm256_loadu_si256(from))});
  }
  transpose(in, columns);
  ESPALIER_UNROLL for (int i = 0; i < 8; ++i) out[i] = as_pairs(columns[i]);
#else
  Pair block[8][16] = {};  // [step][row]
  for (int row = 0; row < rows; ++row) {
    for (int i = 0; i < 8; ++i) __builtin_memcpy(&block[i][row], p + row * stride + 2 * i, sizeof(Pair));
  }
  for (int i = 0; i < 8; ++i) out[i] = load_pairs(block[i]);
#endif
}

}  // namespace
}  // namespace espalier::kernels
