// Sums of many vectors: in f32 over a block, each lane and each of four accumulators for itself, and in
// double over the blocks. Of a long row an f32 accumulator takes in 32 values before it is emptied; what rows
// have beyond a multiple of four vectors goes to the first, which takes in some 128 where rows are that short.
// So the error stays at a few epsilons of the sum of magnitudes, as a rule, whatever the length; and four
// accumulators hide the latency of the addition.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

inline constexpr std::int64_t kSumBlock = 128;  // vectors in a block

// Four accumulators for each of `count` sums over the same vectors.
template <int count>
struct SumBlock {
  Vec lanes[count][4];

  ESPALIER_INLINE void clear() {
    ESPALIER_UNROLL for (int k = 0; k < count; ++k) {
      ESPALIER_UNROLL for (int u = 0; u < 4; ++u) lanes[k][u] = zero();
    }
  }

  ESPALIER_INLINE Vec total(int k) const { return (lanes[k][0] + lanes[k][1]) + (lanes[k][2] + lanes[k][3]); }

  // term(p, values) sets `values` to what vector p adds to each sum, for p = begin .. end-1.
  template <class Term>
  ESPALIER_INLINE void add(std::int64_t begin, std::int64_t end, const Term& term) {
    // A copy stays in registers during the loop: what `term` reads might else be this block.
    SumBlock block = *this;
    std::int64_t p = begin;
    for (; p + 4 <= end; p += 4) {
      ESPALIER_UNROLL for (int u = 0; u < 4; ++u) block.add_one(u, p + u, term);
    }
    for (; p < end; ++p) block.add_one(0, p, term);
    *this = block;
  }

 private:
  template <class Term>
  ESPALIER_INLINE void add_one(int u, std::int64_t p, const Term& term) {
    Vec values[count];
    term(p, values);
    ESPALIER_UNROLL for (int k = 0; k < count; ++k) lanes[k][u] += values[k];
  }
};

// body(begin, end) for consecutive blocks of 0 .. vectors-1
template <class Body>
ESPALIER_INLINE void for_each_block(std::int64_t vectors, const Body& body) {
  for (std::int64_t begin = 0; begin < vectors; begin += kSumBlock) {
    body(begin, begin + kSumBlock < vectors ? begin + kSumBlock : vectors);
  }
}

// The sum of term(p) for p = 0 .. vectors-1, lane by lane. Each block of terms is added up before it joins
// the total.
template <class Term>
ESPALIER_INLINE Vec lane_sum(std::int64_t vectors, const Term& term) {
  Vec total = zero();
  for_each_block(vectors, [&](std::int64_t begin, std::int64_t end) {
    SumBlock<1> block;
    block.clear();
    block.add(begin, end, [&](std::int64_t p, Vec(&value)[1]) { value[0] = term(p); });
    total += block.total(0);
  });
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
    for_each_block(vectors, [&](std::int64_t begin, std::int64_t end) {
      block_.add(begin, end, term);
      pending_ += end - begin;
      if (pending_ >= kSumBlock) flush();
    });
  }

  double total(int which) {
    flush();
    return totals_[which];
  }

 private:
  void flush() {
    for (int k = 0; k < count; ++k) totals_[k] += static_cast<double>(sum(block_.total(k)));
    clear();
  }

  void clear() {
    block_.clear();
    pending_ = 0;
  }

  SumBlock<count> block_;
  std::int64_t pending_;  // vectors in the block
  double totals_[count] = {};
};

}  // namespace
}  // namespace espalier::kernels
