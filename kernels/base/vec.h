// The 16-lane vector that every kernel is written over: one lane, one image.
//
//   AVX-512  one __m512            AVX2      two __m256 halves
//   NEON     four float32x4_t      portable  float[16]
//
// The names are the same for every ISA, and so is the meaning of each lane; a kernel's body is written once,
// in headers that its family's generic.cpp includes, or a file for each ISA where its kernels differ. Either
// is compiled with the flags of each ISA (kernels/kernels.cmake). Everything here has internal linkage: were
// these inline functions shared between files, the linker could keep the AVX-512 copy for all of them. For
// the same reason kernel bodies use no standard-library templates.
//
// `fma(a, b, c)` is a*b + c, rounded once where the ISA has it. Portable code rounds twice:
// a software fma would cost a hundred times more.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/base/isa.h"

#if defined(__AVX512F__) && !defined(ESPALIER_VEC_PORTABLE)
#include <immintrin.h>
#define ESPALIER_VEC_ISA Isa::avx512
#elif defined(__AVX2__) && defined(__FMA__) && !defined(ESPALIER_VEC_PORTABLE)
#include <immintrin.h>
#define ESPALIER_VEC_ISA Isa::avx2
#elif defined(__ARM_NEON) && !defined(ESPALIER_VEC_PORTABLE)
#include <arm_neon.h>
#define ESPALIER_VEC_ISA Isa::neon
#else
#define ESPALIER_VEC_ISA Isa::portable
#endif

#define ESPALIER_INLINE inline __attribute__((always_inline))
#define ESPALIER_UNROLL _Pragma("GCC unroll 32")

namespace espalier::kernels {
namespace {

inline constexpr Isa kVecIsa = ESPALIER_VEC_ISA;
// What this file is compiled for: the vectors are the same with products of bf16.
#if defined(__AVX512BF16__) && !defined(ESPALIER_VEC_PORTABLE)
inline constexpr Isa kCompiledIsa = Isa::avx512bf16;
#else
inline constexpr Isa kCompiledIsa = kVecIsa;
#endif

#if defined(__AVX512F__) && !defined(ESPALIER_VEC_PORTABLE)

struct Vec {
  __m512 v;
};
using Mask16 = __mmask16;  // bit i: lane i

ESPALIER_INLINE Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
ESPALIER_INLINE void store(float* p, Vec a) { _mm512_storeu_ps(p, a.v); }
// For output that is not read again soon: does not fetch the line. p must be 64-byte aligned.
ESPALIER_INLINE void stream(float* p, Vec a) { _mm512_stream_ps(p, a.v); }
ESPALIER_INLINE void stream_fence() { _mm_sfence(); }
ESPALIER_INLINE Vec broadcast(float x) { return {_mm512_set1_ps(x)}; }
ESPALIER_INLINE Vec zero() { return {_mm512_setzero_ps()}; }
ESPALIER_INLINE Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
ESPALIER_INLINE Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
ESPALIER_INLINE Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
ESPALIER_INLINE Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
ESPALIER_INLINE Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
// c - a*b
ESPALIER_INLINE Vec fnma(Vec a, Vec b, Vec c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
ESPALIER_INLINE Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
// b where a is NaN (x86's rule): write max(x, zero()) and the NaN is lost, max(zero(), x) and it stays.
ESPALIER_INLINE Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
ESPALIER_INLINE Vec sqrt(Vec a) { return {_mm512_sqrt_ps(a.v)}; }
// Comparisons are false where either is NaN.
ESPALIER_INLINE Mask16 greater(Vec a, Vec b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ); }
ESPALIER_INLINE Mask16 equal(Vec a, Vec b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ); }
ESPALIER_INLINE Mask16 either(Mask16 a, Mask16 b) { return static_cast<Mask16>(a | b); }
ESPALIER_INLINE Mask16 invert(Mask16 a) { return static_cast<Mask16>(~a); }
ESPALIER_INLINE Mask16 first_lanes(int count) { return static_cast<Mask16>((1u << count) - 1u); }
// Lane i from bytes[i] != 0.
ESPALIER_INLINE Mask16 mask_from_bytes(const std::uint8_t* bytes) {
  const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  return _mm_test_epi8_mask(b, b);
}
// a where the mask is set, else b.
ESPALIER_INLINE Vec select(Mask16 m, Vec a, Vec b) { return {_mm512_mask_blend_ps(m, b.v, a.v)}; }
// Small whole numbers (0 .. 65535) kept in two bytes each.
ESPALIER_INLINE Vec load_u16(const std::uint16_t* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))))};
}
ESPALIER_INLINE void store_u16(std::uint16_t* p, Vec a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(a.v)));
}

#elif defined(__AVX2__) && defined(__FMA__) && !defined(ESPALIER_VEC_PORTABLE)

struct Vec {
  __m256 lo, hi;
};
struct Mask16 {
  __m256 lo, hi;  // all ones or all zeros a lane
};

ESPALIER_INLINE Vec load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
ESPALIER_INLINE void store(float* p, Vec a) {
  _mm256_storeu_ps(p, a.lo);
  _mm256_storeu_ps(p + 8, a.hi);
}
ESPALIER_INLINE void stream(float* p, Vec a) {
  _mm256_stream_ps(p, a.lo);
  _mm256_stream_ps(p + 8, a.hi);
}
ESPALIER_INLINE void stream_fence() { _mm_sfence(); }
ESPALIER_INLINE Vec broadcast(float x) {
  const __m256 v = _mm256_set1_ps(x);
  return {v, v};
}
ESPALIER_INLINE Vec zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
ESPALIER_INLINE Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
ESPALIER_INLINE Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
ESPALIER_INLINE Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
ESPALIER_INLINE Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
ESPALIER_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
ESPALIER_INLINE Vec fnma(Vec a, Vec b, Vec c) {
  return {_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi)};
}
ESPALIER_INLINE Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
ESPALIER_INLINE Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
ESPALIER_INLINE Vec sqrt(Vec a) { return {_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)}; }
ESPALIER_INLINE Mask16 greater(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_GT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_GT_OQ)};
}
ESPALIER_INLINE Mask16 first_lanes(int count) {
  const __m256 c = _mm256_set1_ps(static_cast<float>(count));
  return {_mm256_cmp_ps(_mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7), c, _CMP_LT_OQ),
          _mm256_cmp_ps(_mm256_setr_ps(8, 9, 10, 11, 12, 13, 14, 15), c, _CMP_LT_OQ)};
}
ESPALIER_INLINE Mask16 equal(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ)};
}
ESPALIER_INLINE Mask16 either(Mask16 a, Mask16 b) {
  return {_mm256_or_ps(a.lo, b.lo), _mm256_or_ps(a.hi, b.hi)};
}
ESPALIER_INLINE Mask16 invert(Mask16 a) {
  const __m256 ones = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
  return {_mm256_xor_ps(a.lo, ones), _mm256_xor_ps(a.hi, ones)};
}
ESPALIER_INLINE Mask16 mask_from_bytes(const std::uint8_t* bytes) {
  const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  const __m256i lo = _mm256_cvtepu8_epi32(b), hi = _mm256_cvtepu8_epi32(_mm_srli_si128(b, 8));
  const __m256i none = _mm256_setzero_si256();
  return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(lo, none)),
          _mm256_castsi256_ps(_mm256_cmpgt_epi32(hi, none))};
}
ESPALIER_INLINE Vec select(Mask16 m, Vec a, Vec b) {
  return {_mm256_blendv_ps(b.lo, a.lo, m.lo), _mm256_blendv_ps(b.hi, a.hi, m.hi)};
}
ESPALIER_INLINE Vec load_u16(const std::uint16_t* p) {
  const __m128i* halves = reinterpret_cast<const __m128i*>(p);
  return {_mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128(halves))),
          _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128(halves + 1)))};
}
ESPALIER_INLINE void store_u16(std::uint16_t* p, Vec a) {
  const __m256i packed = _mm256_packus_epi32(_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xd8));
}

#elif defined(__ARM_NEON) && !defined(ESPALIER_VEC_PORTABLE)

struct Vec {
  float32x4_t q[4];
};
struct Mask16 {
  uint32x4_t q[4];
};

#define ESPALIER_EACH(expression)                                  \
  Vec r;                                                           \
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) r.q[i] = expression; \
  return r

ESPALIER_INLINE Vec load(const float* p) { ESPALIER_EACH(vld1q_f32(p + 4 * i)); }
ESPALIER_INLINE void store(float* p, Vec a) {
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, a.q[i]);
}
ESPALIER_INLINE void stream(float* p, Vec a) { store(p, a); }
ESPALIER_INLINE void stream_fence() {}
ESPALIER_INLINE Vec broadcast(float x) { ESPALIER_EACH(vdupq_n_f32(x)); }
ESPALIER_INLINE Vec zero() { return broadcast(0.0f); }
ESPALIER_INLINE Vec operator+(Vec a, Vec b) { ESPALIER_EACH(vaddq_f32(a.q[i], b.q[i])); }
ESPALIER_INLINE Vec operator-(Vec a, Vec b) { ESPALIER_EACH(vsubq_f32(a.q[i], b.q[i])); }
ESPALIER_INLINE Vec operator*(Vec a, Vec b) { ESPALIER_EACH(vmulq_f32(a.q[i], b.q[i])); }
ESPALIER_INLINE Vec fma(Vec a, Vec b, Vec c) { ESPALIER_EACH(vfmaq_f32(c.q[i], a.q[i], b.q[i])); }
ESPALIER_INLINE Vec fnma(Vec a, Vec b, Vec c) { ESPALIER_EACH(vfmsq_f32(c.q[i], a.q[i], b.q[i])); }
ESPALIER_INLINE Vec min(Vec a, Vec b) { ESPALIER_EACH(vminq_f32(a.q[i], b.q[i])); }
ESPALIER_INLINE Vec max(Vec a, Vec b) { ESPALIER_EACH(vmaxq_f32(a.q[i], b.q[i])); }
#if defined(__aarch64__)
ESPALIER_INLINE Vec operator/(Vec a, Vec b) { ESPALIER_EACH(vdivq_f32(a.q[i], b.q[i])); }
ESPALIER_INLINE Vec sqrt(Vec a) { ESPALIER_EACH(vsqrtq_f32(a.q[i])); }
#else
// armv7 has no vector division or square root.
ESPALIER_INLINE Vec operator/(Vec a, Vec b) {
  Vec r;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) ESPALIER_UNROLL for (int j = 0; j < 4; ++j) r.q[i][j] =
      a.q[i][j] / b.q[i][j];
  return r;
}
ESPALIER_INLINE Vec sqrt(Vec a) {
  Vec r;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) ESPALIER_UNROLL for (int j = 0; j < 4; ++j) r.q[i][j] =
      __builtin_sqrtf(a.q[i][j]);
  return r;
}
#endif
#undef ESPALIER_EACH
ESPALIER_INLINE Mask16 greater(Vec a, Vec b) {
  Mask16 m;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) m.q[i] = vcgtq_f32(a.q[i], b.q[i]);
  return m;
}
ESPALIER_INLINE Mask16 equal(Vec a, Vec b) {
  Mask16 m;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) m.q[i] = vceqq_f32(a.q[i], b.q[i]);
  return m;
}
ESPALIER_INLINE Mask16 either(Mask16 a, Mask16 b) {
  Mask16 m;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) m.q[i] = vorrq_u32(a.q[i], b.q[i]);
  return m;
}
ESPALIER_INLINE Mask16 invert(Mask16 a) {
  Mask16 m;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) m.q[i] = vmvnq_u32(a.q[i]);
  return m;
}
ESPALIER_INLINE Mask16 first_lanes(int count) {
  static const std::uint32_t kIndex[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  Mask16 m;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) m.q[i] =
      vcltq_u32(vld1q_u32(kIndex + 4 * i), vdupq_n_u32(static_cast<std::uint32_t>(count)));
  return m;
}
ESPALIER_INLINE Mask16 mask_from_bytes(const std::uint8_t* bytes) {
  const uint8x16_t b = vld1q_u8(bytes);
  const uint16x8_t lo = vmovl_u8(vget_low_u8(b)), hi = vmovl_u8(vget_high_u8(b));
  const uint32x4_t none = vdupq_n_u32(0);
  return {{vcgtq_u32(vmovl_u16(vget_low_u16(lo)), none), vcgtq_u32(vmovl_u16(vget_high_u16(lo)), none),
           vcgtq_u32(vmovl_u16(vget_low_u16(hi)), none), vcgtq_u32(vmovl_u16(vget_high_u16(hi)), none)}};
}
ESPALIER_INLINE Vec select(Mask16 m, Vec a, Vec b) {
  Vec r;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) r.q[i] = vbslq_f32(m.q[i], a.q[i], b.q[i]);
  return r;
}
ESPALIER_INLINE Vec load_u16(const std::uint16_t* p) {
  Vec r;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) r.q[i] = vcvtq_f32_u32(vmovl_u16(vld1_u16(p + 4 * i)));
  return r;
}
ESPALIER_INLINE void store_u16(std::uint16_t* p, Vec a) {
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) vst1_u16(p + 4 * i, vmovn_u32(vcvtq_u32_f32(a.q[i])));
}

#else

struct Vec {
  float v[16];
};
struct Mask16 {
  bool v[16];
};

#define ESPALIER_EACH(expression)                   \
  Vec r;                                            \
  for (int i = 0; i < 16; ++i) r.v[i] = expression; \
  return r

ESPALIER_INLINE Vec load(const float* p) { ESPALIER_EACH(p[i]); }
ESPALIER_INLINE void store(float* p, Vec a) {
  for (int i = 0; i < 16; ++i) p[i] = a.v[i];
}
ESPALIER_INLINE void stream(float* p, Vec a) { store(p, a); }
ESPALIER_INLINE void stream_fence() {}
ESPALIER_INLINE Vec broadcast(float x) { ESPALIER_EACH(x); }
ESPALIER_INLINE Vec zero() { return broadcast(0.0f); }
ESPALIER_INLINE Vec operator+(Vec a, Vec b) { ESPALIER_EACH(a.v[i] + b.v[i]); }
ESPALIER_INLINE Vec operator-(Vec a, Vec b) { ESPALIER_EACH(a.v[i] - b.v[i]); }
ESPALIER_INLINE Vec operator*(Vec a, Vec b) { ESPALIER_EACH(a.v[i] * b.v[i]); }
ESPALIER_INLINE Vec operator/(Vec a, Vec b) { ESPALIER_EACH(a.v[i] / b.v[i]); }
ESPALIER_INLINE Vec fma(Vec a, Vec b, Vec c) { ESPALIER_EACH(a.v[i] * b.v[i] + c.v[i]); }
ESPALIER_INLINE Vec fnma(Vec a, Vec b, Vec c) { ESPALIER_EACH(c.v[i] - a.v[i] * b.v[i]); }
ESPALIER_INLINE Vec min(Vec a, Vec b) { ESPALIER_EACH(a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
ESPALIER_INLINE Vec max(Vec a, Vec b) { ESPALIER_EACH(a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
ESPALIER_INLINE Vec sqrt(Vec a) { ESPALIER_EACH(__builtin_sqrtf(a.v[i])); }
ESPALIER_INLINE Vec select(Mask16 m, Vec a, Vec b) { ESPALIER_EACH(m.v[i] ? a.v[i] : b.v[i]); }
#undef ESPALIER_EACH
ESPALIER_INLINE Mask16 greater(Vec a, Vec b) {
  Mask16 m;
  for (int i = 0; i < 16; ++i) m.v[i] = a.v[i] > b.v[i];
  return m;
}
ESPALIER_INLINE Mask16 equal(Vec a, Vec b) {
  Mask16 m;
  for (int i = 0; i < 16; ++i) m.v[i] = a.v[i] == b.v[i];
  return m;
}
ESPALIER_INLINE Mask16 either(Mask16 a, Mask16 b) {
  Mask16 m;
  for (int i = 0; i < 16; ++i) m.v[i] = a.v[i] || b.v[i];
  return m;
}
ESPALIER_INLINE Mask16 invert(Mask16 a) {
  Mask16 m;
  for (int i = 0; i < 16; ++i) m.v[i] = !a.v[i];
  return m;
}
ESPALIER_INLINE Mask16 first_lanes(int count) {
  Mask16 m;
  for (int i = 0; i < 16; ++i) m.v[i] = i < count;
  return m;
}
ESPALIER_INLINE Mask16 mask_from_bytes(const std::uint8_t* bytes) {
  Mask16 m;
  for (int i = 0; i < 16; ++i) m.v[i] = bytes[i] != 0;
  return m;
}
ESPALIER_INLINE Vec load_u16(const std::uint16_t* p) {
  Vec r;
  for (int i = 0; i < 16; ++i) r.v[i] = p[i];
  return r;
}
ESPALIER_INLINE void store_u16(std::uint16_t* p, Vec a) {
  for (int i = 0; i < 16; ++i) p[i] = static_cast<std::uint16_t>(a.v[i]);
}

#endif

ESPALIER_INLINE Vec operator-(Vec a) { return zero() - a; }
ESPALIER_INLINE Vec& operator+=(Vec& a, Vec b) { return a = a + b; }
ESPALIER_INLINE Vec abs(Vec a) { return max(a, -a); }
ESPALIER_INLINE Mask16 is_nan(Vec x) { return invert(equal(x, x)); }

// The first `count` floats of a vector, for the end of an array; the other lanes load as zero.
ESPALIER_INLINE Vec load_first(const float* p, int count) {
  alignas(64) float x[16] = {};
  for (int i = 0; i < count; ++i) x[i] = p[i];
  return load(x);
}
ESPALIER_INLINE void store_first(float* p, Vec a, int count) {
  alignas(64) float x[16];
  store(x, a);
  for (int i = 0; i < count; ++i) p[i] = x[i];
}

// The sum over the 16 lanes, always in the same order, so that every ISA adds alike.
ESPALIER_INLINE float sum(Vec a) {
  alignas(64) float x[16];
  store(x, a);
  ESPALIER_UNROLL for (int i = 0; i < 8; ++i) x[i] += x[i + 8];
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) x[i] += x[i + 4];
  return (x[0] + x[2]) + (x[1] + x[3]);
}

}  // namespace
}  // namespace espalier::kernels

#include "kernels/base/vec_bf16.h"
