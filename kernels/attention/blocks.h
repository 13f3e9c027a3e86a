// How forward and backward cut queries and keys into blocks.
#pragma once

#include "kernels/attention/attention.h"
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

// The rows of a head from `token` on: [tokens][D].
template <class Float>
LaneMatrix rows_of(const HeadRows<Float>& rows, std::int64_t g, std::int64_t h, int token) {
  return {rows.at(g, h, token), rows.token, kLanes};
}

}  // namespace
}  // namespace espalier::kernels
