// Attention without the T x T matrix: softmax over a row is summed up block of keys by block of keys, and
// what has been summed is rescaled whenever a block brings a larger score (Milakov and Gimelshein,
// arXiv:1805.02867; Dao et al., FlashAttention, arXiv:2205.14135).
#pragma once

#include "kernels/attention/attention.h"
#include "kernels/attention/blocks.h"
#include "kernels/base/parallel.h"
#include "kernels/base/vec_math.h"

namespace espalier::kernels {
namespace {

constexpr int kQueryBlock = 48;  // queries of a task: that many uses of a block of keys while it is in L2

// The maximum of before and x[0], ..., x[count - 1]; four chains, since each step waits for the one before.
ESPALIER_INLINE Vec running_max(Vec before, const float* x, int count) {
  Vec m[4] = {before, before, before, before};
  int j = 0;
  for (; j + 4 <= count; j += 4) {
    ESPALIER_UNROLL for (int i = 0; i < 4; ++i) m[i] = max(m[i], load(x + (j + i) * kLanes));
  }
  for (; j < count; ++j) m[0] = max(m[0], load(x + j * kLanes));
  return max(max(m[0], m[1]), max(m[2], m[3]));
}

// Turns a row of scores [keys][16], of which the first `visible` count, into e^(score - largest), where
// `largest` and `total` [16] are the maximum of the row's scores and the sum of these powers so far. Returns
// what earlier sums are to be multiplied by.
ESPALIER_INLINE Vec fold_scores(float* scores, int keys, int visible, float* largest, float* total) {
  const Vec before = load(largest), now = running_max(before, scores, visible);
  const Vec decay = exp(before - now);
  Vec sum = load(total) * decay;
  for (int j = 0; j < visible; ++j) {
    const Vec e = exp(load(scores + j * kLanes) - now);
    store(scores + j * kLanes, e);
    sum += e;
  }
  for (int j = visible; j < keys; ++j) store(scores + j * kLanes, zero());
  store(largest, now);
  store(total, sum);
  return decay;
}

// The rows `first` .. of one block of queries of a head; dst and log_sum_exp are the head's.
inline void attend(const AttentionShape& s, int first, const LaneMatrix& q, const LaneMatrix& k,
                   const LaneMatrix& v, const ResultRows& dst, float* log_sum_exp) {
  const int key_block = balanced_block(s.T, kKeyBlock);
  const int queries = smaller(s.T - first, kQueryBlock);
  alignas(64) float scores[kLaneRows * kKeyBlock * kLanes];  // [strip][keys][16]
  alignas(64) float decay[kLaneRows * kLanes];
  alignas(64) float largest[kQueryBlock * kLanes], total[kQueryBlock * kLanes];
  for (int i = 0; i < queries; ++i) {
    store(largest + i * kLanes, broadcast(-__builtin_inff()));
    store(total + i * kLanes, zero());
  }
  const int key_end = s.causal ? first + queries : s.T;
  for (int key = 0; key < key_end; key += key_block) {
    const int keys = smaller(key_end - key, key_block);
    for (int i = 0; i < queries; i += kLaneRows) {
      const int query = first + i, rows = smaller(queries - i, kLaneRows);
      if (s.causal && key >= query + rows) continue;
      LaneProduct p;
      p.A = rows_from(q, query);
      p.B = transposed(rows_from(k, key));
      p.K = s.D;
      p.alpha = s.scale;
      p.C = scores;
      p.c_row = keys * kLanes;
      multiply_lane_strip(rows, keys, p);
      for (int r = 0; r < rows; ++r) {
        const int visible = s.causal ? visible_keys(query + r, key, keys) : keys;
        store(decay + r * kLanes, fold_scores(scores + r * keys * kLanes, keys, visible,
                                              largest + (i + r) * kLanes, total + (i + r) * kLanes));
      }
      p.A = {scores, keys * kLanes, kLanes};
      p.B = rows_from(v, key);
      p.K = keys;
      p.alpha = 1.0f;
      p.C = dst.at(query);
      p.c_row = dst.row;
      p.start = key == 0 ? LaneStart::replace : LaneStart::decay;
      p.decay = decay;
      multiply_lane_strip(rows, s.D, p);
    }
  }
  for (int i = 0; i < queries; ++i) {
    const Vec sum = load(total + i * kLanes), scale = broadcast(1.0f) / sum;
    float* row = dst.at(first + i);
    for (int d = 0; d < s.D; ++d) store(row + d * kLanes, load(row + d * kLanes) * scale);
    store(log_sum_exp + (first + i) * kLanes, load(largest + i * kLanes) + log(sum));
  }
}

// A task is a block of queries; of bf16 a whole head, whose keys and values are widened once.
template <class T>
void attention_fwd(const AttentionShape& s, const AttentionFwd<T>& t) {
  const int blocks = (s.T + kQueryBlock - 1) / kQueryBlock;
  const int blocks_per_task = element_of<T> == Element::f32 ? 1 : blocks;
  const int tasks_per_head = blocks / blocks_per_task;
  parallel_for(groups(s.N) * s.NH * tasks_per_head, [&](std::int64_t task) {
    const std::int64_t head = task / tasks_per_head, g = head / s.NH, h = head % s.NH;
    HeadScratch<T> scratch(s, t.scratch, kHeadMatricesFwd);
    const LaneMatrix q = scratch.input(t.q, g, h), k = scratch.input(t.k, g, h), v = scratch.input(t.v, g, h);
    const ResultRows dst = scratch.result(t.dst, g, h);
    const int first_block = static_cast<int>(task % tasks_per_head) * blocks_per_task;
    for (int block = first_block; block < first_block + blocks_per_task; ++block) {
      attend(s, block * kQueryBlock, q, k, v, dst, t.log_sum_exp + head * s.T * kLanes);
    }
    scratch.finish(dst, t.dst, g, h);
  });
}

}  // namespace
}  // namespace espalier::kernels
