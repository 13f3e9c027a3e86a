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

// Values that f32 holds exactly, so that the reference in double starts from the same.
inline Doubles random_values(std::size_t size, std::uint32_t seed, double mean = 0.0, double spread = 1.0) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<double> uniform(-spread, spread);
  Doubles values(size);
  for (double& v : values) v = static_cast<double>(static_cast<float>(mean + uniform(engine)));
  return values;
}

// [N][T][C][HW] in lanes. Padding lanes hold `padding`: a finite value in activations, 0 in gradients. The
// padding of planes holds NaN: no kernel may read it.
inline Floats in_lanes(const LaneShape& s, const Doubles& values, float padding) {
  Floats lanes(static_cast<std::size_t>(s.floats()));
  for (std::int64_t n = s.N; n < s.G() * kLanes; ++n)
    for (std::int64_t t = 0; t < s.T; ++t)
      for (std::int64_t c = 0; c < s.C; ++c)
        for (std::int64_t p = 0; p < s.HW; ++p) lanes.data()[s.at(n, t, c, p)] = padding;
  for_each_element(s,
                   [&](std::size_t i, std::size_t at) { lanes.data()[at] = static_cast<float>(values[i]); });
  return lanes;
}

inline Floats plain_floats(const Doubles& values) {
  Floats floats(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) floats.data()[i] = static_cast<float>(values[i]);
  return floats;
}

// The largest error of an element, in units of `scale`; infinite where one is NaN.
inline double worst_error(const LaneShape& s, const Floats& got, const Doubles& expected,
                          double scale = 1.0) {
  double worst = 0.0;
  for_each_element(s, [&](std::size_t i, std::size_t at) {
    const double error = std::fabs(static_cast<double>(got.data()[at]) - expected[i]) / scale;
    if (!(error <= worst)) worst = std::isnan(error) ? HUGE_VAL : error;
  });
  return worst;
}
inline double worst_error(const Floats& got, const Doubles& expected, double scale = 1.0) {
  const auto size = static_cast<std::int64_t>(expected.size());
  double worst = 0.0;
  for (std::int64_t i = 0; i < size; ++i) {
    const double error =
        std::fabs(static_cast<double>(got.data()[i]) - expected[static_cast<std::size_t>(i)]) / scale;
    if (!(error <= worst)) worst = std::isnan(error) ? HUGE_VAL : error;
  }
  return worst;
}

inline bool padding_lanes_are_zero(const LaneShape& s, const Floats& lanes) {
  for (std::int64_t n = s.N; n < s.G() * kLanes; ++n)
    for (std::int64_t t = 0; t < s.T; ++t)
      for (std::int64_t c = 0; c < s.C; ++c)
        for (std::int64_t p = 0; p < s.HW; ++p)
          if (lanes.data()[s.at(n, t, c, p)] != 0.0f) return false;
  return true;
}

// Does `compute(output)` give the same bits with 1, 2, 3 and 4 threads?
template <class Compute>
bool same_for_any_threads(std::size_t floats, const Compute& compute) {
  Floats one(floats);
  with_threads(1, [&] { compute(one); });
  for (int threads = 2; threads <= 4; ++threads) {
    Floats many(floats);
    with_threads(threads, [&] { compute(many); });
    if (!one.same_bits(many)) return false;
  }
  return true;
}

inline constexpr double kEpsilon = 1.1920929e-7;  // of f32: the distance from 1 to the next

// Batches that fill lanes, leave some, and need several groups.
inline constexpr std::int64_t kBatches[] = {1, 5, 16, 17, 37};

}  // namespace espalier::kernels
