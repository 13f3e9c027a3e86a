// Sums of many vectors: in f32 over a block, each lane and each of four accumulators for itself, and in
// double over the blocks. An f32 accumulator takes in at most 32 values before it is emptied, so the error
// stays at a few epsilons of the sum of magnitudes whatever the length, and four accumulators hide the
// latency of the addition.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

inline constexpr std::int64_t kSumBlock = 128;  // vectors

// The sum of term(p) for p = 0 .. vectors-1, lane by lane. Each block of terms is added up before it joins
// the total.
template <class Term>
ESPALIER_INLINE Vec lane_sum(std::int64_t vectors, const Term& term) {
  Vec total = zero();
  for (std::int64_t begin = 0; begin < vectors; begin += kSumBlock) {
    const std::int64_t end = begin + kSumBlock < vectors ? begin + kSumBlock : vectors;
    Vec block[4] = {zero(), zero(), zero(), zero()};
    std::int64_t p = begin;
    for (; p + 4 <= end; p += 4) { ESPALIER_UNROLL for (int u = 0; u < 4; ++u) block[u] += term(p + u); }
    for (; p < end; ++p) block[0] += term(p);
    total += (block[0] + block[1]) + (block[2] + block[3]);
  }
  return total;
}

// `count` sums taken side by side over the same vectors.
template <int count>
class BlockedSums {
 public:
  BlockedSums() { clear(); }

  // term(p, values) sets `values` to what vector p adds to each sum, for p = 0 .. vectors-1.
  template <class Term>
  ESPALIER_INLINE void add(std::int64_t vectors, const Term& term) {
    for (std::int64_t begin = 0; begin < vectors; begin += kSumBlock) {
      const std::int64_t end = begin + kSumBlock < vectors ? begin + kSumBlock : vectors;
      std::int64_t p = begin;
      for (; p + 4 <= end; p += 4) { ESPALIER_UNROLL for (int u = 0; u < 4; ++u) add_one(u, p + u, term); }
      for (; p < end; ++p) add_one(0, p, term);
      pending_ += end - begin;
      if (pending_ >= kSumBlock) flush();
    }
  }

  double total(int which) {
    flush();
    return totals_[which];
  }

 private:
  template <class Term>
  ESPALIER_INLINE void add_one(int u, std::int64_t p, const Term& term) {
    Vec values[count];
    term(p, values);
    ESPALIER_UNROLL for (int k = 0; k < count; ++k) block_[k][u] += values[k];
  }

  void flush() {
    for (int k = 0; k < count; ++k) {
      totals_[k] += static_cast<double>(sum((block_[k][0] + block_[k][1]) + (block_[k][2] + block_[k][3])));
    }
    clear();
  }

  void clear() {
    for (int k = 0; k < count; ++k)
      for (int u = 0; u < 4; ++u) block_[k][u] = zero();
    pending_ = 0;
  }

  Vec block_[count][4];
  std::int64_t pending_;  // vectors in the block
  double totals_[count] = {};
};

}  // namespace
}  // namespace espalier::kernels
