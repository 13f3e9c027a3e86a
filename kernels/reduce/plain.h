// Reductions of plain arrays to one number.
#pragma once

#include "kernels/base/blocked_sum.h"
#include "kernels/base/parallel.h"
#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

// Arrays are cut into at most this many parts, each a multiple of 16 floats; the results of the parts are
// joined in order.
constexpr int kParts = 64;
constexpr std::int64_t kSmallestPart = 16 * 1024;

struct Parts {
  std::int64_t count, floats;
};
Parts parts_of(std::int64_t n) {
  std::int64_t floats = (n + kParts - 1) / kParts;
  floats = floats < kSmallestPart ? kSmallestPart : (floats + kLanes - 1) / kLanes * kLanes;
  return {(n + floats - 1) / floats, floats};
}

// The sum over the array of term(vector); term(0) must be 0.
template <class T, class Term>
double sum_of(const T* x, std::int64_t n, const Term& term) {
  const Parts parts = parts_of(n);
  double partial[kParts];
  parallel_for(parts.count, [&](std::int64_t part) {
    const T* begin = x + part * parts.floats;
    const std::int64_t left = n - part * parts.floats, floats = left < parts.floats ? left : parts.floats;
    const std::int64_t vectors = floats / kLanes;
    BlockedSums<1> sums;
    sums.add(vectors, [&](std::int64_t p, Vec(&value)[1]) { value[0] = term(load(begin + p * kLanes)); });
    const int rest = static_cast<int>(floats % kLanes);
    if (rest != 0) {
      sums.add(1, [&](std::int64_t, Vec(&value)[1]) {
        value[0] = term(load_first(begin + vectors * kLanes, rest));
      });
    }
    partial[part] = sums.total(0);
  });
  double total = 0.0;
  for (std::int64_t part = 0; part < parts.count; ++part) total += partial[part];
  return total;
}

template <class T>
double array_sum(const T* x, std::int64_t n) {
  return sum_of(x, n, [](Vec v) { return v; });
}

template <class T>
double array_sum_squares(const T* x, std::int64_t n) {
  return sum_of(x, n, [](Vec v) { return v * v; });
}

// 1 for infinities and NaN, 0 for numbers.
ESPALIER_INLINE Vec nonfinite(Vec v) {
  return select(greater(broadcast(__builtin_inff()), abs(v)), zero(), broadcast(1.0f));
}

template <class T>
std::int64_t array_count_nonfinite(const T* x, std::int64_t n) {
  return static_cast<std::int64_t>(sum_of(x, n, nonfinite));
}

template <class T>
float array_max_abs(const T* x, std::int64_t n) {
  const Parts parts = parts_of(n);
  float partial[kParts];
  parallel_for(parts.count, [&](std::int64_t part) {
    const T* begin = x + part * parts.floats;
    const std::int64_t left = n - part * parts.floats, floats = left < parts.floats ? left : parts.floats;
    Vec largest = zero(), nan = zero();
    const auto take = [&](Vec v) {
      largest = max(abs(v), largest);
      nan = select(is_nan(v), v, nan);
    };
    std::int64_t i = 0;
    for (; i + kLanes <= floats; i += kLanes) take(load(begin + i));
    if (i < floats) take(load_first(begin + i, static_cast<int>(floats - i)));
    alignas(64) float lanes[16], bad[16];
    store(lanes, largest);
    store(bad, nan);
    float result = 0.0f;
    for (int lane = 0; lane < kLanes; ++lane) {
      if (lanes[lane] > result) result = lanes[lane];
      if (bad[lane] != bad[lane]) result = bad[lane];
      if (result != result) break;
    }
    partial[part] = result;
  });
  float result = 0.0f;
  for (std::int64_t part = 0; part < parts.count; ++part) {
    if (partial[part] != partial[part]) return partial[part];
    if (partial[part] > result) result = partial[part];
  }
  return result;
}

}  // namespace
}  // namespace espalier::kernels
