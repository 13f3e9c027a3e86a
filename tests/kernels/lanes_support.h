// What tests of kernels over activations share: the way between logical arrays in double and lanes.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "kernels/base/dispatch.h"
#include "kernels/base/lanes.h"
#include "tests/kernels/support.h"

namespace espalier::kernels {

using Doubles = std::vector<double>;

// body(kernels) for each table of the family that this CPU can run.
template <class Kernels, class Body>
void for_each_isa(const Body& body) {
  for (const Kernels* kernels : compiled_kernels<Kernels>()) {
    if (!isa_supported(kernels->isa)) continue;
    const std::string isa(isa_name(kernels->isa));
    CAPTURE(isa);
    body(*kernels);
  }
}

inline std::size_t logical_size(const LaneShape& s) {
  return static_cast<std::size_t>(s.N * s.T * s.C * s.HW);
}

// body(index in [N][T][C][HW], place in lanes)
template <class Body>
void for_each_element(const LaneShape& s, const Body& body) {
  std::size_t i = 0;
  for (std::int64_t n = 0; n < s.N; ++n)
    for (std::int64_t t = 0; t < s.T; ++t)
      for (std::int64_t c = 0; c < s.C; ++c)
        for (std::int64_t p = 0; p < s.HW; ++p) body(i++, static_cast<std::size_t>(s.at(n, t, c, p)));
}

// Values that T holds exactly, so that the reference in double starts from the same.
template <class T = float>
Doubles random_values(std::size_t size, std::uint32_t seed, double mean = 0.0, double spread = 1.0) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<double> uniform(-spread, spread);
  Doubles values(size);
  for (double& v : values) {
    v = static_cast<double>(widen(element_from<T>(static_cast<float>(mean + uniform(engine)))));
  }
  return values;
}

// [N][T][C][HW] in lanes. Padding lanes hold `padding`: a finite value in activations, 0 in gradients. The
// padding of planes holds NaN: no kernel may read it.
template <class T = float>
Buffer<T> in_lanes(const LaneShape& s, const Doubles& values, float padding) {
  Buffer<T> lanes(static_cast<std::size_t>(s.floats()));
  for (std::int64_t n = s.N; n < s.G() * kLanes; ++n)
    for (std::int64_t t = 0; t < s.T; ++t)
      for (std::int64_t c = 0; c < s.C; ++c)
        for (std::int64_t p = 0; p < s.HW; ++p) lanes.data()[s.at(n, t, c, p)] = element_from<T>(padding);
  for_each_element(s, [&](std::size_t i, std::size_t at) {
    lanes.data()[at] = element_from<T>(static_cast<float>(values[i]));
  });
  return lanes;
}

inline Floats random_lanes(const LaneShape& s, std::uint32_t seed, float padding) {
  return in_lanes(s, random_values(logical_size(s), seed), padding);
}

template <class T>
Buffer<T> plain_elements(const Doubles& values) {
  Buffer<T> elements(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    elements.data()[i] = element_from<T>(static_cast<float>(values[i]));
  }
  return elements;
}
inline Floats plain_floats(const Doubles& values) { return plain_elements<float>(values); }

// The largest error of an element beyond the rounding of its result to T, in units of `scale`; infinite where
// one is NaN.
template <class T>
class WorstError {
 public:
  explicit WorstError(double scale) : scale_(scale) {}

  void take(T got, double expected) {
    const double difference = std::fabs(static_cast<double>(widen(got)) - expected);
    const double error = (difference - kRounding<T> * std::fabs(expected)) / scale_;
    if (!(error <= worst_)) worst_ = std::isnan(error) ? HUGE_VAL : error;
  }
  double value() const { return worst_; }

 private:
  double scale_, worst_ = 0.0;
};

template <class T>
double worst_error(const LaneShape& s, const Buffer<T>& got, const Doubles& expected, double scale = 1.0) {
  WorstError<T> worst(scale);
  for_each_element(s, [&](std::size_t i, std::size_t at) { worst.take(got.data()[at], expected[i]); });
  return worst.value();
}
template <class T>
double worst_error(const Buffer<T>& got, const Doubles& expected, double scale = 1.0) {
  WorstError<T> worst(scale);
  for (std::size_t i = 0; i < expected.size(); ++i) worst.take(got.data()[i], expected[i]);
  return worst.value();
}

template <class T>
bool padding_lanes_are_zero(const LaneShape& s, const Buffer<T>& lanes) {
  for (std::int64_t n = s.N; n < s.G() * kLanes; ++n)
    for (std::int64_t t = 0; t < s.T; ++t)
      for (std::int64_t c = 0; c < s.C; ++c)
        for (std::int64_t p = 0; p < s.HW; ++p)
          if (widen(lanes.data()[s.at(n, t, c, p)]) != 0.0f) return false;
  return true;
}

// Does `compute(output)` give the same bits with 1, 2, 3 and 4 threads?
template <class T = float, class Compute>
bool same_for_any_threads(std::size_t size, const Compute& compute) {
  Buffer<T> one(size);
  with_threads(1, [&] { compute(one); });
  for (int threads = 2; threads <= 4; ++threads) {
    Buffer<T> many(size);
    with_threads(threads, [&] { compute(many); });
    if (!one.same_bits(many)) return false;
  }
  return true;
}

inline constexpr double kEpsilon = 1.1920929e-7;  // of f32: the distance from 1 to the next

// Batches that fill lanes, leave some, and need several groups.
inline constexpr std::int64_t kBatches[] = {1, 5, 16, 17, 37};

}  // namespace espalier::kernels
