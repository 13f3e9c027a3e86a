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

void attention_fwd(const AttentionShape& s, const AttentionFwd& t) {
  const int query_blocks = (s.T + kQueryBlock - 1) / kQueryBlock;
  const int key_block = balanced_block(s.T, kKeyBlock);
  parallel_for(groups(s.N) * s.NH * query_blocks, [&](std::int64_t task) {
    const std::int64_t g = task / query_blocks / s.NH, h = task / query_blocks % s.NH;
    const int first = static_cast<int>(task % query_blocks) * kQueryBlock;
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
        p.A = rows_of(t.q, g, h, query);
        p.B = transposed(rows_of(t.k, g, h, key));
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
        p.B = rows_of(t.v, g, h, key);
        p.K = keys;
        p.alpha = 1.0f;
        p.C = t.dst.at(g, h, query);
        p.c_row = t.dst.token;
        p.start = key == 0 ? LaneStart::replace : LaneStart::decay;
        p.decay = decay;
        multiply_lane_strip(rows, s.D, p);
      }
    }
    float* log_sum_exp = t.log_sum_exp + ((g * s.NH + h) * s.T + first) * kLanes;
    for (int i = 0; i < queries; ++i) {
      const Vec sum = load(total + i * kLanes), scale = broadcast(1.0f) / sum;
      float* dst = t.dst.at(g, h, first + i);
      for (int d = 0; d < s.D; ++d) store(dst + d * kLanes, load(dst + d * kLanes) * scale);
      store(log_sum_exp + i * kLanes, load(largest + i * kLanes) + log(sum));
    }
  });
}

}  // namespace
}  // namespace espalier::kernels
