// Functions of one array and their gradients.
#pragma once

#include "kernels/base/map.h"
#include "kernels/base/vec_math.h"

namespace espalier::kernels {
namespace {

// dst = f(src)
template <class T, class Function>
void unary(const T* src, T* dst, std::int64_t n, const Function& f) {
  map(n, output_for(dst, n, dst == src), [&](const auto& at) { at.set(dst, f(at.get(src))); });
}

// dst = f(a, b)
template <class T, class Function>
void binary(const T* a, const T* b, T* dst, std::int64_t n, const Function& f) {
  map(n, output_for(dst, n, dst == a || dst == b),
      [&](const auto& at) { at.set(dst, f(at.get(a), at.get(b))); });
}

template <class T>
void relu_fwd(const T* src, T* dst, std::int64_t n) {
  unary(src, dst, n, [](Vec x) { return max(zero(), x); });
}
template <class T>
void relu_bwd(const T* dst, const T* diff_dst, T* diff_src, std::int64_t n) {
  binary(dst, diff_dst, diff_src, n, [](Vec y, Vec dy) { return select(greater(y, zero()), dy, zero()); });
}

template <class T>
void gelu_fwd(const T* src, T* dst, std::int64_t n) {
  unary(src, dst, n, [](Vec x) { return x * normal(x).distribution; });
}
// (x Phi)' = Phi + x phi
template <class T>
void gelu_bwd(const T* src, const T* diff_dst, T* diff_src, std::int64_t n) {
  binary(src, diff_dst, diff_src, n, [](Vec x, Vec dy) {
    const Normal at = normal(x);
    return dy * fma(x, at.density, at.distribution);
  });
}

constexpr float kSqrt2OverPi = 0.797884560802865356f;
constexpr float kGeluCubic = 0.044715f;

ESPALIER_INLINE Vec gelu_inner_tanh(Vec x) {
  return tanh(broadcast(kSqrt2OverPi) * fma(broadcast(kGeluCubic) * x, x * x, x));
}
template <class T>
void gelu_tanh_fwd(const T* src, T* dst, std::int64_t n) {
  unary(src, dst, n, [](Vec x) {
    const Vec half = broadcast(0.5f) * x;
    return fma(half, gelu_inner_tanh(x), half);
  });
}
// With t = tanh(u):  ((1 + t) + x (1 - t^2) u') / 2,  u' = sqrt(2/pi) (1 + 3 * 0.044715 x^2)
template <class T>
void gelu_tanh_bwd(const T* src, const T* diff_dst, T* diff_src, std::int64_t n) {
  binary(src, diff_dst, diff_src, n, [](Vec x, Vec dy) {
    const Vec one = broadcast(1.0f), t = gelu_inner_tanh(x);
    const Vec slope = broadcast(kSqrt2OverPi) * fma(broadcast(3.0f * kGeluCubic) * x, x, one);
    return broadcast(0.5f) * dy * fma(x * fnma(t, t, one), slope, one + t);
  });
}

template <class T>
void exp_fwd(const T* src, T* dst, std::int64_t n) {
  unary(src, dst, n, [](Vec x) { return exp(x); });
}
template <class T>
void exp_bwd(const T* dst, const T* diff_dst, T* diff_src, std::int64_t n) {
  binary(dst, diff_dst, diff_src, n, [](Vec y, Vec dy) { return y * dy; });
}

template <class T>
void log_fwd(const T* src, T* dst, std::int64_t n) {
  unary(src, dst, n, [](Vec x) { return log(x); });
}
template <class T>
void log_bwd(const T* src, const T* diff_dst, T* diff_src, std::int64_t n) {
  binary(src, diff_dst, diff_src, n, [](Vec x, Vec dy) { return dy / x; });
}

template <class T>
void sqrt_fwd(const T* src, T* dst, std::int64_t n) {
  unary(src, dst, n, [](Vec x) { return sqrt(x); });
}
template <class T>
void sqrt_bwd(const T* dst, const T* diff_dst, T* diff_src, std::int64_t n) {
  binary(dst, diff_dst, diff_src, n, [](Vec y, Vec dy) { return broadcast(0.5f) * dy / y; });
}

template <class T>
void sigmoid_fwd(const T* src, T* dst, std::int64_t n) {
  unary(src, dst, n, [](Vec x) { return sigmoid(x); });
}
template <class T>
void sigmoid_bwd(const T* dst, const T* diff_dst, T* diff_src, std::int64_t n) {
  binary(dst, diff_dst, diff_src, n, [](Vec y, Vec dy) { return dy * fnma(y, y, y); });
}

template <class T>
void tanh_fwd(const T* src, T* dst, std::int64_t n) {
  unary(src, dst, n, [](Vec x) { return tanh(x); });
}
template <class T>
void tanh_bwd(const T* dst, const T* diff_dst, T* diff_src, std::int64_t n) {
  binary(dst, diff_dst, diff_src, n, [](Vec y, Vec dy) { return dy * fnma(y, y, broadcast(1.0f)); });
}

constexpr float kTwoOverSqrtPi = 1.12837916709551257f;

template <class T>
void erf_fwd(const T* src, T* dst, std::int64_t n) {
  unary(src, dst, n, [](Vec x) { return erf(x); });
}
template <class T>
void erf_bwd(const T* src, const T* diff_dst, T* diff_src, std::int64_t n) {
  binary(src, diff_dst, diff_src, n,
         [](Vec x, Vec dy) { return dy * broadcast(kTwoOverSqrtPi) * exp(-(x * x)); });
}

}  // namespace
}  // namespace espalier::kernels
