// Mean and variance of a channel in one pass over its values.
//
// A sum of squares loses the variance where the mean is large: squares of 1000 +- 1 agree in their first six
// digits. So each block of values is summed as differences from a shift near its mean, and the blocks are
// joined in double by
//   mean += d n_b / n,  M2 += M2_b + d^2 n_a n_b / n,  d = mean_b - mean   (Chan, Golub, LeVeque 1979).
// The shift is the mean of all before, at first the mean of the first vector.
#pragma once

#include "kernels/base/blocked_sum.h"

namespace espalier::kernels {
namespace {

class Moments {
 public:
  // Takes in `vectors` vectors at x, of which the first `images` lanes count.
  ESPALIER_INLINE void add(const float* x, std::int64_t vectors, int images) {
    const Mask16 counted = first_lanes(images);
    if (count_ == 0.0 && pending_ == 0 && vectors > 0) {
      set_shift(static_cast<double>(sum(select(counted, load(x), zero()))) / images);
    }
    for (std::int64_t begin = 0; begin < vectors; begin += kSumBlock) {
      const std::int64_t block = vectors - begin < kSumBlock ? vectors - begin : kSumBlock;
      if (images == kLanes) {
        add_block(x + begin * kLanes, block, [](Vec d) { return d; });
      } else {
        add_block(x + begin * kLanes, block, [counted](Vec d) { return select(counted, d, zero()); });
      }
      pending_ += block;
      pending_values_ += static_cast<double>(block * images);
      if (pending_ >= kSumBlock) flush();
    }
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
  template <class Counted>
  ESPALIER_INLINE void add_block(const float* x, std::int64_t vectors, const Counted& counted) {
    const Vec shift = broadcast(shift_);
    std::int64_t p = 0;
    const auto take = [&](int u) {
      const Vec d = counted(load(x + (p + u) * kLanes) - shift);
      sum_[u] += d;
      square_[u] = fma(d, d, square_[u]);
    };
    for (; p + 4 <= vectors; p += 4) { ESPALIER_UNROLL for (int u = 0; u < 4; ++u) take(u); }
    for (; p < vectors; ++p) take(0);
  }

  void flush() {
    if (pending_ == 0) return;
    const double s = static_cast<double>(sum((sum_[0] + sum_[1]) + (sum_[2] + sum_[3])));
    const double q = static_cast<double>(sum((square_[0] + square_[1]) + (square_[2] + square_[3])));
    const double total = count_ + pending_values_;
    const double block_mean = static_cast<double>(shift_) + s / pending_values_;
    const double block_squares = q - s * s / pending_values_;
    const double d = block_mean - mean_;
    mean_ += d * pending_values_ / total;
    squares_ += block_squares + d * d * count_ * pending_values_ / total;
    count_ = total;
    for (int u = 0; u < 4; ++u) sum_[u] = square_[u] = zero();
    pending_ = 0;
    pending_values_ = 0.0;
    set_shift(mean_);
  }

  void set_shift(double shift) { shift_ = static_cast<float>(shift); }

  float shift_ = 0.0f;
  Vec sum_[4] = {zero(), zero(), zero(), zero()};  // of the block, about the shift
  Vec square_[4] = {zero(), zero(), zero(), zero()};
  std::int64_t pending_ = 0;  // vectors in the block
  double pending_values_ = 0.0;
  double count_ = 0.0, mean_ = 0.0, squares_ = 0.0;  // of the blocks before
};

}  // namespace
}  // namespace espalier::kernels
