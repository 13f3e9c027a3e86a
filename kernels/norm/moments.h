// Mean and variance of a channel in one pass over its values.
//
// A sum of squares loses the variance where the mean is large: squares of 1000 +- 1 agree in their first six
// digits. So each block of values is summed as differences from a shift near its mean, and the blocks are
// joined in double by
//   mean += d n_b / n,  M2 += M2_b + d^2 n_a n_b / n,  d = mean_b - mean   (Chan, Golub, LeVeque 1979).
// The shift is the mean of all before, at first the mean of the first vector.
#pragma once

#include "kernels/base/ahead.h"
#include "kernels/base/blocked_sum.h"

namespace espalier::kernels {
namespace {

class Moments {
 public:
  Moments() { block_.clear(); }

  // Takes in `vectors` vectors at x, of which the first `images` lanes count.
  template <class T>
  ESPALIER_INLINE void add(const T* x, std::int64_t vectors, int images) {
    const Mask16 counted = first_lanes(images);
    if (count_ == 0.0 && pending_ == 0 && vectors > 0) {
      set_shift(static_cast<double>(sum(select(counted, load(x), zero()))) / images);
    }
    for_each_block(vectors, [&](std::int64_t begin, std::int64_t end) {
      const Vec shift = broadcast(shift_);
      if (images == kLanes) {
        block_.add(begin, end, [&](std::int64_t p, Vec(&values)[2]) {
          prefetch_ahead(x + p * kLanes);
          const Vec d = load(x + p * kLanes) - shift;
          values[0] = d;
          values[1] = d * d;
        });
      } else {
        block_.add(begin, end, [&](std::int64_t p, Vec(&values)[2]) {
          const Vec d = select(counted, load(x + p * kLanes) - shift, zero());
          values[0] = d;
          values[1] = d * d;
        });
      }
      pending_ += end - begin;
      pending_values_ += static_cast<double>((end - begin) * images);
      if (pending_ >= kSumBlock) flush();
    });
  }

  double mean() {
    flush();
    return mean_;
  }
  // The sum of squared differences from the mean.
  double squares() {
    flush();
    return squares_;
  }

 private:
  void flush() {
    if (pending_ == 0) return;
    const double s = static_cast<double>(sum(block_.total(0)));
    const double q = static_cast<double>(sum(block_.total(1)));
    const double total = count_ + pending_values_;
    const double block_mean = static_cast<double>(shift_) + s / pending_values_;
    const double block_squares = q - s * s / pending_values_;
    const double d = block_mean - mean_;
    mean_ += d * pending_values_ / total;
    squares_ += block_squares + d * d * count_ * pending_values_ / total;
    count_ = total;
    block_.clear();
    pending_ = 0;
    pending_values_ = 0.0;
    set_shift(mean_);
  }

  void set_shift(double shift) { shift_ = static_cast<float>(shift); }

  float shift_ = 0.0f;
  SumBlock<2> block_;         // of differences from the shift and of their squares
  std::int64_t pending_ = 0;  // vectors in the block
  double pending_values_ = 0.0;
  double count_ = 0.0, mean_ = 0.0, squares_ = 0.0;  // of the blocks before
};

}  // namespace
}  // namespace espalier::kernels
