// What tests over raw kernel buffers share.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>

#include "kernels/base/aligned.h"
#include "kernels/base/parallel.h"

namespace espalier::kernels {

// Under an emulator (cross builds) a multiply-add costs some hundred times more: tests leave out what is only
// larger.
#if defined(ESPALIER_EMULATED)
inline constexpr bool kEmulated = true;
#else
inline constexpr bool kEmulated = false;
#endif

// A buffer aligned as kernels ask for. Filled with NaN, so that an element a kernel forgets to write is
// found.
class Floats {
 public:
  explicit Floats(std::size_t size)
      : size_(size), data_(static_cast<float*>(aligned_allocate(size * sizeof(float))), aligned_free) {
    for (std::size_t i = 0; i < size; ++i) data_.get()[i] = NAN;
  }

  static Floats random(std::size_t size, std::uint32_t seed) {
    Floats floats(size);
    std::mt19937 engine(seed);
    std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
    for (std::size_t i = 0; i < size; ++i) floats.data()[i] = uniform(engine);
    return floats;
  }

  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

  bool same_bits(const Floats& other) const {
    return size_ == other.size_ && std::memcmp(data(), other.data(), size_ * sizeof(float)) == 0;
  }

 private:
  std::size_t size_;
  std::unique_ptr<float[], void (*)(void*)> data_;
};

// The largest |a - b|; infinity where an element is NaN in either.
inline double max_difference(const Floats& a, const Floats& b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(a.data()[i]) - b.data()[i]);
    if (!(difference <= largest)) largest = std::isnan(difference) ? HUGE_VAL : difference;
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
