#include <doctest/doctest.h>

#include <bit>
#include <limits>
#include <string>
#include <vector>

#include "kernels/eltwise/eltwise.h"
#include "kernels/eltwise/reference.h"
#include "tests/kernels/lanes_support.h"
#include "tests/support/keep_largest.h"

namespace espalier::kernels {
namespace {

template <class T>
using Forward = void (*)(const T*, T*, std::int64_t);
template <class T>
using Backward = void (*)(const T*, const T*, T*, std::int64_t);

template <class T>
struct Function {
  using Kernels = EltwiseKernels<T>;

  reference::Unary truth;
  Forward<T> Kernels::*fwd;
  Backward<T> Kernels::*bwd;
  bool backward_takes_dst;
  bool positive_only;
  double ulp;  // the bound on forward, over all of f32
};

// What vec_math.h states, and for gelu what its products add.
template <class T>
const Function<T> kFunctions[] = {
    {reference::kRelu, &EltwiseKernels<T>::relu_fwd, &EltwiseKernels<T>::relu_bwd, true, false, 0.0},
    {reference::kGelu, &EltwiseKernels<T>::gelu_fwd, &EltwiseKernels<T>::gelu_bwd, false, false, HUGE_VAL},
    {reference::kGeluTanh, &EltwiseKernels<T>::gelu_tanh_fwd, &EltwiseKernels<T>::gelu_tanh_bwd, false, false,
     HUGE_VAL},
    {reference::kExp, &EltwiseKernels<T>::exp_fwd, &EltwiseKernels<T>::exp_bwd, true, false, 2.0},
    {reference::kLog, &EltwiseKernels<T>::log_fwd, &EltwiseKernels<T>::log_bwd, false, true, 2.0},
    {reference::kSqrt, &EltwiseKernels<T>::sqrt_fwd, &EltwiseKernels<T>::sqrt_bwd, true, true, 0.5},
    {reference::kSigmoid, &EltwiseKernels<T>::sigmoid_fwd, &EltwiseKernels<T>::sigmoid_bwd, true, false, 3.0},
    {reference::kTanh, &EltwiseKernels<T>::tanh_fwd, &EltwiseKernels<T>::tanh_bwd, true, false, 3.0},
    {reference::kErf, &EltwiseKernels<T>::erf_fwd, &EltwiseKernels<T>::erf_bwd, false, false, 3.0},
};

// The distance between f32 numbers of the size of x.
double ulp_of(double x) {
  int exponent = 0;
  std::frexp(x, &exponent);
  return std::ldexp(1.0, std::max(exponent - 24, -149));
}

// NEON of ARMv7 takes denormal operands and results for zeros; all else computes with them.
bool flushes_denormals(Isa isa) { return isa == Isa::neon && sizeof(void*) == 4; }
bool is_denormal(double x) { return x != 0.0 && std::fabs(x) < std::numeric_limits<float>::min(); }

// One of every few thousand finite f32 numbers, of either sign.
std::vector<float> sampled_floats(bool positive_only) {
  std::vector<float> values;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 20011) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::isfinite(value) && !(positive_only && value < 0.0f)) values.push_back(value);
  }
  return values;
}

}  // namespace

TEST_CASE("elementwise functions are within their ulp over all of f32") {
  for (const Function<float>& f : kFunctions<float>) {
    CAPTURE(f.truth.name);
    if (f.ulp == HUGE_VAL) continue;
    const std::vector<float> x = sampled_floats(f.positive_only);
    for_each_isa<EltwiseKernels<>>([&](const EltwiseKernels<>& kernels) {
      Floats y(x.size());
      (kernels.*f.fwd)(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
      double worst = 0.0;
      float worst_x = 0.0f;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double expected = f.truth.value(static_cast<double>(x[i]));
        const double got = static_cast<double>(y.data()[i]);
        if (flushes_denormals(kernels.isa) &&
            (is_denormal(static_cast<double>(x[i])) || is_denormal(expected))) {
          continue;
        }
        const bool both_overflow = std::isinf(static_cast<float>(expected)) && std::isinf(got);
        const double error = both_overflow ? 0.0 : std::fabs(got - expected) / ulp_of(expected);
        if (!(error <= worst)) {
          worst = std::isnan(error) ? HUGE_VAL : error;
          worst_x = x[i];
        }
      }
      CAPTURE(worst_x);
      CHECK(worst <= f.ulp);
    });
  }
}

TEST_CASE("GELU is exact to a few epsilons of x over all of f32, and has the right size far below zero") {
  const std::vector<float> x = sampled_floats(false);
  for_each_isa<EltwiseKernels<>>([&](const EltwiseKernels<>& kernels) {
    const auto n = static_cast<std::int64_t>(x.size());
    Floats y(x.size()), dx(x.size());
    const Floats ones = plain_floats(Doubles(x.size(), 1.0));
    kernels.gelu_fwd(x.data(), y.data(), n);
    kernels.gelu_bwd(x.data(), ones.data(), dx.data(), n);
    double worst = 0.0, worst_below_zero = 0.0, worst_slope = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double at = static_cast<double>(x[i]), expected = reference::kGelu.value(at);
      const double slope = reference::kGelu.derivative(at);
      testing::keep_largest(worst_slope, std::fabs(static_cast<double>(dx.data()[i]) - slope));
      if (is_denormal(at) || (flushes_denormals(kernels.isa) && is_denormal(expected))) continue;
      const double error = std::fabs(static_cast<double>(y.data()[i]) - expected);
      testing::keep_largest(worst, at == 0.0 ? error : error / std::fabs(at));
      if (at < 0.0 && at > -12.0) testing::keep_largest(worst_below_zero, -error / expected);
    }
    CHECK(worst <= 3 * kEpsilon);
    CHECK(worst_below_zero <= 0x1p-17 + kEpsilon);
    CHECK(worst_slope <= 6 * kEpsilon);
  });
}

TEST_CASE_TEMPLATE("elementwise functions and their gradients agree with the reference at every tail", T,
                   float, Bf16) {
  for (const Function<T>& f : kFunctions<T>) {
    CAPTURE(f.truth.name);
    for (std::size_t n : {1, 5, 15, 16, 17, 33, 1000, 40000}) {
      CAPTURE(n);
      const Doubles x = f.positive_only ? random_values<T>(n, 1, 3.0, 2.9) : random_values<T>(n, 1, 0.0, 6.0);
      const Doubles dy = random_values<T>(n, 2);
      Doubles y(n), dx(n);
      for (std::size_t i = 0; i < n; ++i) {
        y[i] = f.truth.value(x[i]);
        dx[i] = dy[i] * f.truth.derivative(x[i]);
      }
      const Buffer<T> src = plain_elements<T>(x), diff_dst = plain_elements<T>(dy);
      for_each_isa<EltwiseKernels<T>>([&](const EltwiseKernels<T>& kernels) {
        // One element more than the kernel may write.
        Buffer<T> dst(n + 1), diff_src(n + 1);
        const auto size = static_cast<std::int64_t>(n);
        (kernels.*f.fwd)(src.data(), dst.data(), size);
        const Buffer<T>& saved = f.backward_takes_dst ? dst : src;
        (kernels.*f.bwd)(saved.data(), diff_dst.data(), diff_src.data(), size);
        const auto largest = [](const Doubles& values) {
          double result = 1.0;
          for (double v : values) result = std::max(result, std::fabs(v));
          return result;
        };
        // A few rounded operations on values of that size.
        CHECK(worst_error(dst, y, largest(y)) < 4 * kEpsilon);
        // A slope that is taken from the rounded result: 1 - y^2 doubles what rounding did to y.
        const double of_dst = f.backward_takes_dst ? 2 * kRounding<T> : 0.0;
        CHECK(worst_error(diff_src, dx, largest(dx)) < 8 * kEpsilon + of_dst);
        CHECK(std::isnan(widen(dst.data()[n])));
        CHECK(std::isnan(widen(diff_src.data()[n])));
      });
    }
  }
}

TEST_CASE_TEMPLATE("elementwise functions pass NaN on and meet infinity as the limit says", T, float, Bf16) {
  using Kernels = EltwiseKernels<T>;
  const float infinity = std::numeric_limits<float>::infinity();
  const Buffer<T> src = plain_elements<T>({NAN, infinity, -infinity, 0.0});
  struct Expected {
    Forward<T> Kernels::*fwd;
    float at_infinity, at_minus_infinity, at_zero;
  };
  const Expected cases[] = {
      {&Kernels::relu_fwd, infinity, 0.0f, 0.0f},    {&Kernels::exp_fwd, infinity, 0.0f, 1.0f},
      {&Kernels::log_fwd, infinity, NAN, -infinity}, {&Kernels::tanh_fwd, 1.0f, -1.0f, 0.0f},
      {&Kernels::sigmoid_fwd, 1.0f, 0.0f, 0.5f},     {&Kernels::erf_fwd, 1.0f, -1.0f, 0.0f},
      {&Kernels::sqrt_fwd, infinity, NAN, 0.0f},
  };
  for_each_isa<EltwiseKernels<T>>([&](const EltwiseKernels<T>& kernels) {
    for (const Expected& e : cases) {
      Buffer<T> dst(4);
      (kernels.*e.fwd)(src.data(), dst.data(), 4);
      CHECK(std::isnan(widen(dst.data()[0])));
      const float expected[3] = {e.at_infinity, e.at_minus_infinity, e.at_zero};
      for (int i = 0; i < 3; ++i) {
        const float got = widen(dst.data()[i + 1]);
        CHECK((got == expected[i] || (std::isnan(got) && std::isnan(expected[i]))));
      }
    }
  });
}

}  // namespace espalier::kernels
