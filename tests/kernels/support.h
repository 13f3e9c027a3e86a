// What tests over raw kernel buffers share.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>

#include "kernels/base/aligned.h"
#include "kernels/base/element.h"
#include "kernels/base/parallel.h"
#include "tests/support/keep_largest.h"

namespace espalier::kernels {

// Under an emulator (cross builds) a multiply-add costs some hundred times more: tests leave out what is only
// larger.
#if defined(ESPALIER_EMULATED)
inline constexpr bool kEmulated = true;
#else
inline constexpr bool kEmulated = false;
#endif

// What lies in memory for a number, rounded to the nearest where T cannot hold it.
template <class T>
T element_from(float x) {
  if constexpr (element_of<T> == Element::bf16) {
    return round_to_bf16(x);
  } else {
    return x;
  }
}

// The largest part of a number that rounding it to T may change: half the distance to the next. f32's is in
// the tolerances of the kernels.
template <class T>
inline constexpr double kRounding = element_of<T> == Element::bf16 ? 0x1p-8 : 0.0;

// A buffer aligned as kernels ask for. Filled with NaN, so that an element a kernel forgets to write is
// found.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::size_t size)
      : size_(size), data_(static_cast<T*>(aligned_allocate(size * sizeof(T))), aligned_free) {
    for (std::size_t i = 0; i < size; ++i) data()[i] = element_from<T>(NAN);
  }

  static Buffer random(std::size_t size, std::uint32_t seed) {
    Buffer buffer(size);
    std::mt19937 engine(seed);
    std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
    for (std::size_t i = 0; i < size; ++i) buffer.data()[i] = element_from<T>(uniform(engine));
    return buffer;
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

  bool same_bits(const Buffer& other) const {
    return size_ == other.size_ && std::memcmp(data(), other.data(), size_ * sizeof(T)) == 0;
  }

 private:
  std::size_t size_;
  std::unique_ptr<T[], void (*)(void*)> data_;
};
using Floats = Buffer<float>;

// The largest |a - b|; infinity where an element is NaN in either.
inline double max_difference(const Floats& a, const Floats& b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    testing::keep_largest(largest, std::fabs(static_cast<double>(a.data()[i]) - b.data()[i]));
  }
  return largest;
}

// The error allowed in a float sum of `terms` products of values uniform in [-1, 1]. The partial sums are
// about sqrt(terms) / 3, and rounding errors of that size times epsilon add up like a random walk: below
// sqrt(terms) epsilons for any order of summation. A wrong or missing product is 10^4 times larger.
inline double sum_tolerance(double terms) { return 32.0 * 1.1920929e-7 * std::sqrt(terms + 1.0); }

// Runs with `count` threads, then restores the number of threads.
template <class Body>
void with_threads(int count, const Body& body) {
  const int before = num_threads();
  set_num_threads(count);
  body();
  set_num_threads(before);
}

}  // namespace espalier::kernels
