// Vectors of 16 lanes from and to bf16 in memory, for every ISA. Included by vec.h.
#pragma once

#include "kernels/base/element.h"
#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

#if defined(__AVX512F__) && !defined(ESPALIER_VEC_PORTABLE)

ESPALIER_INLINE Vec load(const Bf16* p) {
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16))};
}
ESPALIER_INLINE __m256i rounded(Vec a) {
#if defined(__AVX512BF16__)
  constexpr int kSubnormal = 0x20;  // the instruction would make zeros of them
  if (__builtin_expect(_mm512_fpclass_ps_mask(a.v, kSubnormal) == 0, 1)) {
    return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(a.v));
  }
#endif
  const __m512i bits = _mm512_castps_si512(a.v), high = _mm512_srli_epi32(bits, 16);
  const __m512i half =
      _mm512_add_epi32(_mm512_and_si512(high, _mm512_set1_epi32(1)), _mm512_set1_epi32(0x7fff));
  const __m512i sum = _mm512_srli_epi32(_mm512_add_epi32(bits, half), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(sum, nan, high, _mm512_set1_epi32(0x40)));
}
ESPALIER_INLINE void store(Bf16* p, Vec a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), rounded(a)); }
ESPALIER_INLINE void stream(Bf16* p, Vec a) {
  _mm256_stream_si256(reinterpret_cast<__m256i*>(p), rounded(a));
}

#elif defined(__AVX2__) && defined(__FMA__) && !defined(ESPALIER_VEC_PORTABLE)

ESPALIER_INLINE Vec load(const Bf16* p) {
  const auto half = [](const Bf16* at) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  };
  return {half(p), half(p + 8)};
}
ESPALIER_INLINE __m256i rounded(__m256 a) {
  const __m256i bits = _mm256_castps_si256(a), high = _mm256_srli_epi32(bits, 16);
  const __m256i half =
      _mm256_add_epi32(_mm256_and_si256(high, _mm256_set1_epi32(1)), _mm256_set1_epi32(0x7fff));
  const __m256i sum = _mm256_srli_epi32(_mm256_add_epi32(bits, half), 16);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q));
  return _mm256_blendv_epi8(sum, _mm256_or_si256(high, _mm256_set1_epi32(0x40)), nan);
}
ESPALIER_INLINE __m256i rounded(Vec a) {
  return _mm256_permute4x64_epi64(_mm256_packus_epi32(rounded(a.lo), rounded(a.hi)), 0xd8);
}
ESPALIER_INLINE void store(Bf16* p, Vec a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), rounded(a)); }
ESPALIER_INLINE void stream(Bf16* p, Vec a) {
  _mm256_stream_si256(reinterpret_cast<__m256i*>(p), rounded(a));
}

#elif defined(__ARM_NEON) && !defined(ESPALIER_VEC_PORTABLE)

ESPALIER_INLINE Vec load(const Bf16* p) {
  Vec r;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) {
    const uint16x4_t halves = vld1_u16(reinterpret_cast<const std::uint16_t*>(p) + 4 * i);
    r.q[i] = vreinterpretq_f32_u32(vshll_n_u16(halves, 16));
  }
  return r;
}
ESPALIER_INLINE void store(Bf16* p, Vec a) {
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) {
    const uint32x4_t bits = vreinterpretq_u32_f32(a.q[i]), high = vshrq_n_u32(bits, 16);
    const uint32x4_t half = vaddq_u32(vandq_u32(high, vdupq_n_u32(1)), vdupq_n_u32(0x7fff));
    const uint32x4_t sum = vshrq_n_u32(vaddq_u32(bits, half), 16);
    const uint32x4_t number = vceqq_f32(a.q[i], a.q[i]);
    const uint32x4_t kept = vbslq_u32(number, sum, vorrq_u32(high, vdupq_n_u32(0x40)));
    vst1_u16(reinterpret_cast<std::uint16_t*>(p) + 4 * i, vmovn_u32(kept));
  }
}
ESPALIER_INLINE void stream(Bf16* p, Vec a) { store(p, a); }

#else

ESPALIER_INLINE Vec load(const Bf16* p) {
  Vec r;
  for (int i = 0; i < 16; ++i) r.v[i] = widen(p[i]);
  return r;
}
ESPALIER_INLINE void store(Bf16* p, Vec a) {
  for (int i = 0; i < 16; ++i) p[i] = round_to_bf16(a.v[i]);
}
ESPALIER_INLINE void stream(Bf16* p, Vec a) { store(p, a); }

#endif

ESPALIER_INLINE Vec load_first(const Bf16* p, int count) {
  Bf16 x[16] = {};
  for (int i = 0; i < count; ++i) x[i] = p[i];
  return load(x);
}
ESPALIER_INLINE void store_first(Bf16* p, Vec a, int count) {
  Bf16 x[16];
  store(x, a);
  for (int i = 0; i < count; ++i) p[i] = x[i];
}

}  // namespace
}  // namespace espalier::kernels
