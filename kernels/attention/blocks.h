// How forward and backward cut queries and keys into blocks, and how they see one head in f32.
#pragma once

#include "kernels/attention/attention.h"
#include "kernels/base/parallel.h"
#include "kernels/gemm/lane_block.h"

namespace espalier::kernels {
namespace {

constexpr int kKeyBlock = 36;  // at most: a strip of scores stays in the L1 cache

inline int smaller(int a, int b) { return a < b ? a : b; }

// Blocks of at most `largest` for `count` rows, as even as whole register blocks allow: 65 is 36 + 29, not
// 36 + 28 + 1.
inline int balanced_block(int count, int largest) {
  const int blocks = (count + largest - 1) / largest, block = (count + blocks - 1) / blocks;
  return smaller((block + kLaneColumns - 1) / kLaneColumns * kLaneColumns, largest);
}

// Of `keys` keys from `key` on, those that a causal query sees.
inline int visible_keys(int query, int key, int keys) {
  return query < key ? 0 : smaller(query + 1 - key, keys);
}

// The rows of a matrix from `row` on.
inline LaneMatrix rows_from(LaneMatrix m, int row) { return {m.data + row * m.row, m.row, m.column}; }

// Rows of a result: that many floats from one to the next.
struct ResultRows {
  float* data;
  std::int64_t row;

  float* at(int index) const { return data + index * row; }
};

// One head of one group as f32 [T][D]: where it stands, or in a thread's own scratch, into which bf16 is
// widened once and from which results are rounded once, when all sums are complete.
template <class T>
class HeadScratch;

template <>
class HeadScratch<float> {
 public:
  HeadScratch(const AttentionShape&, float*, int) {}
  LaneMatrix input(const HeadRows<const float>& rows, std::int64_t g, std::int64_t h) {
    return {rows.at(g, h, 0), rows.token, kLanes};
  }
  ResultRows result(const HeadRows<float>& rows, std::int64_t g, std::int64_t h) {
    return {rows.at(g, h, 0), rows.token};
  }
  void finish(const ResultRows&, const HeadRows<float>&, std::int64_t, std::int64_t) {}
};

template <>
class HeadScratch<Bf16> {
 public:
  HeadScratch(const AttentionShape& s, float* scratch, int matrices)
      : shape_(s), row_(s.D * kLanes), next_(scratch + thread_index() * matrices * s.T * row_) {}

  LaneMatrix input(const HeadRows<const Bf16>& rows, std::int64_t g, std::int64_t h) {
    const ResultRows copy = take();
    for (int t = 0; t < shape_.T; ++t) {
      const Bf16* from = rows.at(g, h, t);
      for (std::int64_t i = 0; i < row_; i += kLanes) store(copy.at(t) + i, load(from + i));
    }
    return {copy.data, row_, kLanes};
  }
  ResultRows result(const HeadRows<Bf16>&, std::int64_t, std::int64_t) { return take(); }
  void finish(const ResultRows& result, const HeadRows<Bf16>& rows, std::int64_t g, std::int64_t h) {
    for (int t = 0; t < shape_.T; ++t) {
      Bf16* to = rows.at(g, h, t);
      for (std::int64_t i = 0; i < row_; i += kLanes) store(to + i, load(result.at(t) + i));
    }
  }

 private:
  ResultRows take() {
    const ResultRows rows = {next_, row_};
    next_ += shape_.T * row_;
    return rows;
  }

  const AttentionShape& shape_;
  std::int64_t row_;
  float* next_;
};

}  // namespace
}  // namespace espalier::kernels
