// Products of bf16, two at a time: what CPUs multiply that have an instruction for it, and what others
// compute as two products of f32.
//
//   dot(a, b, c) = c + a.even * b.even + a.odd * b.odd        in each of 16 lanes, in f32
//
// A lane holds two numbers that a sum takes in one step: two channels of an image, or one channel of two
// images. They lie as the halves of 32 bits, the even one below.
#pragma once

#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

// Two weights, or two activations, that are broadcast.
struct Pair {
  std::uint32_t bits;
};

#if defined(__AVX512F__) && !defined(ESPALIER_VEC_PORTABLE)

struct Pairs {
  __m512i v;
};

ESPALIER_INLINE Pairs load_pairs(const Pair* p) { return {_mm512_loadu_si512(p)}; }
ESPALIER_INLINE void store_pairs(Pair* p, Pairs a) { _mm512_storeu_si512(p, a.v); }
ESPALIER_INLINE Pairs broadcast(Pair p) { return {_mm512_set1_epi32(static_cast<int>(p.bits))}; }
// Two halves of 16 become 16 pairs.
ESPALIER_INLINE __m512i zip_order() {
  return _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5,
                          20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
}
// Lane i: even[i] and odd[i].
ESPALIER_INLINE Pairs zip(const Bf16* even, const Bf16* odd) {
  const __m512i low = _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(even)));
  const __m512i both = _mm512_inserti64x4(low, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(odd)), 1);
  return {_mm512_permutexvar_epi16(zip_order(), both)};
}
// Lane i: p[i] and p[16 + i].
ESPALIER_INLINE Pairs zip_neighbours(const Bf16* p) {
  return {_mm512_permutexvar_epi16(zip_order(), _mm512_loadu_si512(p))};
}
ESPALIER_INLINE Vec even(Pairs a) { return {_mm512_castsi512_ps(_mm512_slli_epi32(a.v, 16))}; }
ESPALIER_INLINE Vec odd(Pairs a) {
  return {_mm512_castsi512_ps(_mm512_and_si512(a.v, _mm512_set1_epi32(static_cast<int>(0xffff0000u))))};
}
ESPALIER_INLINE Vec as_vec(Pairs a) { return {_mm512_castsi512_ps(a.v)}; }
ESPALIER_INLINE Pairs as_pairs(Vec a) { return {_mm512_castps_si512(a.v)}; }

#elif defined(__AVX2__) && defined(__FMA__) && !defined(ESPALIER_VEC_PORTABLE)

struct Pairs {
  __m256i lo, hi;
};

ESPALIER_INLINE Pairs load_pairs(const Pair* p) {
  const auto* halves = reinterpret_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
}
ESPALIER_INLINE void store_pairs(Pair* p, Pairs a) {
  auto* halves = reinterpret_cast<__m256i*>(p);
  _mm256_storeu_si256(halves, a.lo);
  _mm256_storeu_si256(halves + 1, a.hi);
}
ESPALIER_INLINE Pairs broadcast(Pair p) {
  const __m256i v = _mm256_set1_epi32(static_cast<int>(p.bits));
  return {v, v};
}
ESPALIER_INLINE Pairs zip(const Bf16* even, const Bf16* odd) {
  const auto half = [&](int first) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(even + first));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(odd + first));
    return _mm256_set_m128i(_mm_unpackhi_epi16(low, high), _mm_unpacklo_epi16(low, high));
  };
  return {half(0), half(8)};
}
ESPALIER_INLINE Vec even(Pairs a) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(a.lo, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(a.hi, 16))};
}
ESPALIER_INLINE Vec odd(Pairs a) {
  const __m256i upper = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
  return {_mm256_castsi256_ps(_mm256_and_si256(a.lo, upper)),
          _mm256_castsi256_ps(_mm256_and_si256(a.hi, upper))};
}
ESPALIER_INLINE Vec as_vec(Pairs a) { return {_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi)}; }
ESPALIER_INLINE Pairs as_pairs(Vec a) { return {_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi)}; }

#elif defined(__ARM_NEON) && !defined(ESPALIER_VEC_PORTABLE)

struct Pairs {
  uint32x4_t q[4];
};

ESPALIER_INLINE Pairs load_pairs(const Pair* p) {
  Pairs r;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) r.q[i] = vld1q_u32(&p[4 * i].bits);
  return r;
}
ESPALIER_INLINE void store_pairs(Pair* p, Pairs a) {
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) vst1q_u32(&p[4 * i].bits, a.q[i]);
}
ESPALIER_INLINE Pairs broadcast(Pair p) {
  const uint32x4_t v = vdupq_n_u32(p.bits);
  return {{v, v, v, v}};
}
ESPALIER_INLINE Pairs zip(const Bf16* even, const Bf16* odd) {
  Pairs r;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) {
    const uint32x4_t low = vmovl_u16(vld1_u16(&even[4 * i].bits));
    r.q[i] = vorrq_u32(low, vshll_n_u16(vld1_u16(&odd[4 * i].bits), 16));
  }
  return r;
}
ESPALIER_INLINE Vec even(Pairs a) {
  Vec r;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) r.q[i] = vreinterpretq_f32_u32(vshlq_n_u32(a.q[i], 16));
  return r;
}
ESPALIER_INLINE Vec odd(Pairs a) {
  Vec r;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) r.q[i] =
      vreinterpretq_f32_u32(vandq_u32(a.q[i], vdupq_n_u32(0xffff0000u)));
  return r;
}
ESPALIER_INLINE Vec as_vec(Pairs a) {
  Vec r;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) r.q[i] = vreinterpretq_f32_u32(a.q[i]);
  return r;
}
ESPALIER_INLINE Pairs as_pairs(Vec a) {
  Pairs r;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) r.q[i] = vreinterpretq_u32_f32(a.q[i]);
  return r;
}

#else

struct Pairs {
  Pair v[16];
};

ESPALIER_INLINE Pairs load_pairs(const Pair* p) {
  Pairs r;
  for (int i = 0; i < 16; ++i) r.v[i] = p[i];
  return r;
}
ESPALIER_INLINE void store_pairs(Pair* p, Pairs a) {
  for (int i = 0; i < 16; ++i) p[i] = a.v[i];
}
ESPALIER_INLINE Pairs broadcast(Pair p) {
  Pairs r;
  for (int i = 0; i < 16; ++i) r.v[i] = p;
  return r;
}
ESPALIER_INLINE Pairs zip(const Bf16* even, const Bf16* odd) {
  Pairs r;
  for (int i = 0; i < 16; ++i) r.v[i].bits = even[i].bits | std::uint32_t{odd[i].bits} << 16;
  return r;
}
ESPALIER_INLINE Vec as_vec(Pairs a) {
  Vec r;
  __builtin_memcpy(&r, &a, sizeof r);
  return r;
}
ESPALIER_INLINE Pairs as_pairs(Vec a) {
  Pairs r;
  __builtin_memcpy(&r, &a, sizeof r);
  return r;
}
ESPALIER_INLINE Vec even(Pairs a) {
  for (int i = 0; i < 16; ++i) a.v[i].bits <<= 16;
  return as_vec(a);
}
ESPALIER_INLINE Vec odd(Pairs a) {
  for (int i = 0; i < 16; ++i) a.v[i].bits &= 0xffff0000u;
  return as_vec(a);
}

#endif

#if !defined(__AVX512F__) || defined(ESPALIER_VEC_PORTABLE)
ESPALIER_INLINE Pairs zip_neighbours(const Bf16* p) { return zip(p, p + 16); }
#endif

#if defined(__AVX512BF16__) && !defined(ESPALIER_VEC_PORTABLE)
ESPALIER_INLINE Vec dot(Pairs a, Pairs b, Vec c) {
  return {_mm512_dpbf16_ps(c.v, reinterpret_cast<__m512bh>(a.v), reinterpret_cast<__m512bh>(b.v))};
}
#else
ESPALIER_INLINE Vec dot(Pairs a, Pairs b, Vec c) { return fma(even(a), even(b), fma(odd(a), odd(b), c)); }
#endif

// Lane i: low[i] and high[i], rounded. And 16 or 32 lanes rounded, as pairs of neighbours. The instruction
// takes denormals for zero, as dot does.
#if defined(__AVX512BF16__) && !defined(ESPALIER_VEC_PORTABLE)
ESPALIER_INLINE Pairs round_to_pairs(Vec low, Vec high) {
  return {
      _mm512_permutexvar_epi16(zip_order(), reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high.v, low.v)))};
}
ESPALIER_INLINE void store_neighbours(Pair* p, Vec a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(a.v)));
}
ESPALIER_INLINE void store_neighbours(Pair* p, Vec a, Vec b) {
  store_pairs(p, {reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(b.v, a.v))});
}
#else
ESPALIER_INLINE Pairs round_to_pairs(Vec low, Vec high) {
  Bf16 evens[16], odds[16];
  store(evens, low);
  store(odds, high);
  return zip(evens, odds);
}
ESPALIER_INLINE void store_neighbours(Pair* p, Vec a) {
  Bf16 lanes[16];
  store(lanes, a);
  __builtin_memcpy(p, lanes, sizeof lanes);
}
ESPALIER_INLINE void store_neighbours(Pair* p, Vec a, Vec b) {
  store_neighbours(p, a);
  store_neighbours(p + 8, b);
}
#endif

}  // namespace
}  // namespace espalier::kernels
