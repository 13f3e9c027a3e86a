// The definition of correct for elementwise functions: value and derivative in double. The code to read
// first.
#pragma once

#include <cmath>

namespace espalier::kernels::reference {

struct Unary {
  const char* name;
  double (*value)(double x);
  double (*derivative)(double x);
};

inline double normal_distribution(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
inline double normal_density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2.0 * M_PI); }
inline double logistic(double x) { return 1.0 / (1.0 + std::exp(-x)); }
inline double gelu_inner_tanh(double x) {
  return std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x));
}

inline constexpr Unary kRelu = {"relu", [](double x) { return x > 0.0 ? x : 0.0; },
                                [](double x) { return x > 0.0 ? 1.0 : 0.0; }};
inline constexpr Unary kGelu = {"gelu", [](double x) { return x * normal_distribution(x); },
                                [](double x) { return normal_distribution(x) + x * normal_density(x); }};
inline constexpr Unary kGeluTanh = {
    "gelu_tanh", [](double x) { return 0.5 * x * (1.0 + gelu_inner_tanh(x)); },
    [](double x) {
      const double t = gelu_inner_tanh(x), slope = std::sqrt(2.0 / M_PI) * (1.0 + 3.0 * 0.044715 * x * x);
      return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope;
    }};
inline constexpr Unary kExp = {"exp", [](double x) { return std::exp(x); },
                               [](double x) { return std::exp(x); }};
inline constexpr Unary kLog = {"log", [](double x) { return std::log(x); }, [](double x) { return 1.0 / x; }};
inline constexpr Unary kSqrt = {"sqrt", [](double x) { return std::sqrt(x); },
                                [](double x) { return 0.5 / std::sqrt(x); }};
inline constexpr Unary kSigmoid = {"sigmoid", [](double x) { return logistic(x); },
                                   [](double x) { return logistic(x) * logistic(-x); }};
inline constexpr Unary kTanh = {"tanh", [](double x) { return std::tanh(x); },
                                [](double x) { return 1.0 / (std::cosh(x) * std::cosh(x)); }};
inline constexpr Unary kErf = {"erf", [](double x) { return std::erf(x); },
                               [](double x) { return 2.0 / std::sqrt(M_PI) * std::exp(-x * x); }};

}  // namespace espalier::kernels::reference
