// exp, log, tanh and erf of a Vec, each within a few units in the last place (ulp) over the whole range of
// f32; the bounds are tested. (NEON of ARMv7 takes denormals for zeros.) Polynomials: Cephes (S. Moshier,
// netlib.org/cephes), for erf N. Juffa, for the normal distribution fitted here.
#pragma once

#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

// 2^n for a vector of whole numbers -126 .. 127, by putting n + 127 where a float keeps its exponent.
ESPALIER_INLINE Vec power_of_two(Vec n) {
#if defined(__AVX512F__) && !defined(ESPALIER_VEC_PORTABLE)
  const __m512i bits = _mm512_add_epi32(_mm512_cvtps_epi32(n.v), _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(bits, 23))};
#elif defined(__AVX2__) && defined(__FMA__) && !defined(ESPALIER_VEC_PORTABLE)
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i lo = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n.lo), bias), 23);
  const __m256i hi = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n.hi), bias), 23);
  return {_mm256_castsi256_ps(lo), _mm256_castsi256_ps(hi)};
#elif defined(__ARM_NEON) && !defined(ESPALIER_VEC_PORTABLE)
  Vec r;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) {
    const int32x4_t bits = vaddq_s32(vcvtq_s32_f32(n.q[i]), vdupq_n_s32(127));
    r.q[i] = vreinterpretq_f32_s32(vshlq_n_s32(bits, 23));
  }
  return r;
#else
  Vec r;
  for (int i = 0; i < 16; ++i) {
    const std::int32_t bits =
        static_cast<std::int32_t>(static_cast<std::uint32_t>(static_cast<int>(n.v[i]) + 127) << 23);
    __builtin_memcpy(&r.v[i], &bits, sizeof bits);
  }
  return r;
#endif
}

// x = mantissa * 2^exponent with mantissa in [0.5, 1), for positive normal x.
struct Split {
  Vec mantissa, exponent;
};
ESPALIER_INLINE Split split(Vec x) {
#if defined(__AVX512F__) && !defined(ESPALIER_VEC_PORTABLE)
  const __m512i bits = _mm512_castps_si512(x.v);
  const __m512i exponent = _mm512_sub_epi32(_mm512_srli_epi32(bits, 23), _mm512_set1_epi32(126));
  const __m512i mantissa =
      _mm512_or_epi32(_mm512_and_epi32(bits, _mm512_set1_epi32(0x007fffff)), _mm512_set1_epi32(0x3f000000));
  return {{_mm512_castsi512_ps(mantissa)}, {_mm512_cvtepi32_ps(exponent)}};
#elif defined(__AVX2__) && defined(__FMA__) && !defined(ESPALIER_VEC_PORTABLE)
  const auto half = [](__m256 v, __m256& mantissa, __m256& exponent) {
    const __m256i bits = _mm256_castps_si256(v);
    exponent = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(126)));
    mantissa = _mm256_castsi256_ps(_mm256_or_si256(_mm256_and_si256(bits, _mm256_set1_epi32(0x007fffff)),
                                                   _mm256_set1_epi32(0x3f000000)));
  };
  Split s;
  half(x.lo, s.mantissa.lo, s.exponent.lo);
  half(x.hi, s.mantissa.hi, s.exponent.hi);
  return s;
#elif defined(__ARM_NEON) && !defined(ESPALIER_VEC_PORTABLE)
  Split s;
  ESPALIER_UNROLL for (int i = 0; i < 4; ++i) {
    const uint32x4_t bits = vreinterpretq_u32_f32(x.q[i]);
    s.exponent.q[i] =
        vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(vshrq_n_u32(bits, 23)), vdupq_n_s32(126)));
    s.mantissa.q[i] =
        vreinterpretq_f32_u32(vorrq_u32(vandq_u32(bits, vdupq_n_u32(0x007fffff)), vdupq_n_u32(0x3f000000)));
  }
  return s;
#else
  Split s;
  for (int i = 0; i < 16; ++i) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, &x.v[i], sizeof bits);
    s.exponent.v[i] = static_cast<float>(static_cast<int>(bits >> 23) - 126);
    bits = (bits & 0x007fffffu) | 0x3f000000u;
    __builtin_memcpy(&s.mantissa.v[i], &bits, sizeof bits);
  }
  return s;
#endif
}

// The nearest whole number, for |x| < 2^22.
ESPALIER_INLINE Vec round(Vec x) {
  const Vec shift = broadcast(12582912.0f);  // 1.5 * 2^23: the sum has no bits left for a fraction
  return (x + shift) - shift;
}

// x * 2^n for a whole number n in -150 .. 128: the result may be denormal or infinite.
ESPALIER_INLINE Vec scale_by_power_of_two(Vec x, Vec n) {
#if defined(__AVX512F__) && !defined(ESPALIER_VEC_PORTABLE)
  return {_mm512_scalef_ps(x.v, n.v)};
#else
  // In two steps, since 2^n itself may overflow (n = 128) or be denormal.
  const Vec half = round(n * broadcast(0.5f));
  return x * power_of_two(half) * power_of_two(n - half);
#endif
}

ESPALIER_INLINE Vec copy_sign_of(Vec sign, Vec positive) {
  return select(greater(zero(), sign), -positive, positive);
}

// c[0] x^(count-1) + ... + c[count-1]
template <int count>
ESPALIER_INLINE Vec polynomial(Vec x, const float (&c)[count]) {
  Vec r = broadcast(c[0]);
  ESPALIER_UNROLL for (int i = 1; i < count; ++i) r = fma(r, x, broadcast(c[i]));
  return r;
}

// e^x within 2 ulp; denormal results and infinity included.
// x = n ln 2 + r with |r| <= ln 2 / 2;  e^x = 2^n (1 + r + r^2 P(r))
ESPALIER_INLINE Vec exp(Vec x) {
  const Vec bounded = min(max(x, broadcast(-104.0f)), broadcast(89.0f));
  const Vec n = round(bounded * broadcast(1.44269504088896341f));
  const Vec r = fnma(n, broadcast(-2.12194440e-4f), fnma(n, broadcast(0.693359375f), bounded));
  const Vec p = polynomial(r, {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                               1.6666665459e-1f, 5.0000001201e-1f});
  const Vec e = fma(p, r * r, r) + broadcast(1.0f);
  return select(is_nan(x), x, scale_by_power_of_two(e, n));
}

// ln x within 2 ulp; log(0) = -inf, NaN below zero, log(inf) = inf.
ESPALIER_INLINE Vec log(Vec x) {
  const Vec smallest_normal = broadcast(1.17549435e-38f), infinity = broadcast(__builtin_inff());
  const Mask16 denormal = greater(smallest_normal, x);
  const Split s = split(select(denormal, x * broadcast(8388608.0f), x));
  Vec exponent = s.exponent - select(denormal, broadcast(23.0f), zero());
  // Move the mantissa to [sqrt(1/2), sqrt(2)), where m - 1 is small.
  const Mask16 low = greater(broadcast(0.707106781186547524f), s.mantissa);
  exponent = exponent - select(low, broadcast(1.0f), zero());
  const Vec m = select(low, s.mantissa + s.mantissa, s.mantissa) - broadcast(1.0f);
  const Vec square = m * m;
  Vec y = polynomial(
              m, {7.0376836292e-2f, -1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
                  -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f}) *
          m * square;
  y = fma(exponent, broadcast(-2.12194440e-4f), y);
  y = fnma(broadcast(0.5f), square, y);
  y = fma(exponent, broadcast(0.693359375f), m + y);
  y = select(equal(x, zero()), -infinity, y);
  y = select(equal(x, infinity), infinity, y);
  return select(either(is_nan(x), greater(zero(), x)), broadcast(__builtin_nanf("")), y);
}

// tanh x within 3 ulp: an odd polynomial near zero, else 1 - 2 / (e^2|x| + 1).
ESPALIER_INLINE Vec tanh(Vec x) {
  const Vec a = abs(x), square = x * x;
  const Vec p = polynomial(square, {-5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f,
                                    1.33314422036e-1f, -3.33332819422e-1f});
  const Vec near = fma(p * square, x, x);
  const Vec one = broadcast(1.0f);
  const Vec far = copy_sign_of(x, one - broadcast(2.0f) / (exp(a + a) + one));
  return select(is_nan(x), x, select(greater(broadcast(0.625f), a), near, far));
}

// 1 / (1 + e^-x) within 3 ulp; from e^-|x|, which cannot overflow: below zero it is e^x / (1 + e^x).
ESPALIER_INLINE Vec sigmoid(Vec x) {
  const Vec e = exp(-abs(x)), r = broadcast(1.0f) / (broadcast(1.0f) + e);
  return select(greater(zero(), x), e * r, r);
}

// erf x = 2/sqrt(pi) integral from 0 to x of e^(-t^2) dt, within 3 ulp: an odd polynomial near zero, else 1 -
// e^P(|x|).
ESPALIER_INLINE Vec erf(Vec x) {
  const Vec a = abs(x), square = x * x;
  const Vec p = polynomial(square, {-5.96761703e-4f, 4.99119423e-3f, -2.67681349e-2f, 1.12819925e-1f,
                                    -3.76125336e-1f, 1.28379166e-1f});
  const Vec near = fma(p, x, x);
  const Vec b = min(a, broadcast(10.0f));  // where erf is 1 long since, and the polynomial still finite
  Vec q = polynomial(b, {-1.72853470e-5f, 3.83197126e-4f, -3.88396438e-3f, 2.42546219e-2f, -1.06777877e-1f,
                         -6.34846687e-1f, -1.28717512e-1f});
  q = fma(q, b, -b);
  const Vec far = copy_sign_of(x, broadcast(1.0f) - exp(q));
  return select(is_nan(x), x, select(greater(a, broadcast(0.927734375f)), far, near));
}

// The standard normal distribution at x, both within 2 epsilons of 1, and Phi(x) within 2^-17 of itself where
// x is far below zero.
struct Normal {
  Vec density;       // phi(x) = e^(-x^2/2) / sqrt(2 pi)
  Vec distribution;  // Phi(x), the integral of phi up to x
};

// With a = |x|, Phi(-a) = e^(-a^2/2) P(s), s = (1 - a/4) / (1 + a/4): one exp serves density and
// distribution. P is a minimax fit of degree 7 to erfcx(a / sqrt 2) / 2 on [0, 13.2], where the exp reaches
// 1e-38; at 14.5 it is 0.
ESPALIER_INLINE Normal normal(Vec x) {
  const Vec a = min(abs(x), broadcast(14.5f)), one = broadcast(1.0f), quarter = broadcast(0.25f);
  const Vec power = exp(broadcast(-0.5f) * a * a);
  const Vec s = fnma(quarter, a, one) / fma(quarter, a, one);
  const Vec p = polynomial(s, {-7.500537904e-4f, 4.244289594e-4f, 8.573910221e-3f, 3.087192029e-2f,
                               7.169061899e-2f, 1.243797988e-1f, 1.703987420e-1f, 9.441062808e-2f});
  const Vec below = power * p;
  return {.density = broadcast(0.398942280401432678f) * power,
          .distribution = select(greater(zero(), x), below, one - below)};
}

}  // namespace
}  // namespace espalier::kernels
