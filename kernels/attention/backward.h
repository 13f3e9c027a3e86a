// The gradient of attention, with its probabilities computed again from log_sum_exp, block by block (Dao,
// FlashAttention-2, arXiv:2307.08691). A head of a group is one task, which walks keys outside and queries
// inside: the sums over queries stay in cache, those over keys come back once a block. No task adds to what
// another writes, so the order of summation is fixed.
#pragma once

#include "kernels/attention/attention.h"
#include "kernels/attention/blocks.h"
#include "kernels/base/parallel.h"
#include "kernels/base/vec_math.h"

namespace espalier::kernels {
namespace {

constexpr int kGradientBlock = 36;  // queries and keys, at most: the blocks of P and dS are 81 KiB each

// P = e^(S - log_sum_exp) and dS = P (dP - delta), where `p` comes as S and `ds` as dP; one row of `keys`,
// of which the first `visible` count.
ESPALIER_INLINE void differentiate_scores(float* p, float* ds, int keys, int visible, Vec log_sum_exp,
                                          Vec delta) {
  for (int j = 0; j < visible; ++j) {
    const Vec e = exp(load(p + j * kLanes) - log_sum_exp);
    store(p + j * kLanes, e);
    store(ds + j * kLanes, e * (load(ds + j * kLanes) - delta));
  }
  for (int j = visible; j < keys; ++j) {
    store(p + j * kLanes, zero());
    store(ds + j * kLanes, zero());
  }
}

// delta[i] = sum over d of diff_dst[i, d] * dst[i, d], which is sum over j of P[i, j] * dP[i, j].
template <class T>
void row_deltas(const AttentionShape& s, const AttentionBwd<T>& t, std::int64_t g, std::int64_t h,
                float* delta) {
  for (int i = 0; i < s.T; ++i) {
    const T *dst = t.dst.at(g, h, i), *diff_dst = t.diff_dst.at(g, h, i);
    Vec total = zero();
    for (int d = 0; d < s.D; ++d) total = fma(load(diff_dst + d * kLanes), load(dst + d * kLanes), total);
    store(delta + i * kLanes, total);
  }
}

// What one head is differentiated from, and its gradients.
struct HeadGradient {
  LaneMatrix q, k, v, diff_dst;
  const float *log_sum_exp, *delta;  // [T][16]
  ResultRows diff_q, diff_k, diff_v;
};

inline void differentiate_head(const AttentionShape& s, const HeadGradient& t) {
  const int block = balanced_block(s.T, kGradientBlock);
  alignas(64) float P[kGradientBlock * kGradientBlock * kLanes];   // [queries][keys][16]
  alignas(64) float dS[kGradientBlock * kGradientBlock * kLanes];  // [queries][keys][16]
  for (int key = 0; key < s.T; key += block) {
    const int keys = smaller(s.T - key, block);
    const int first_query = s.causal ? key : 0;  // blocks of queries and keys have the same bounds
    for (int query = first_query; query < s.T; query += block) {
      const int queries = smaller(s.T - query, block);
      const LaneMatrix q = rows_from(t.q, query), k = rows_from(t.k, key);
      const LaneMatrix v = rows_from(t.v, key), diff_dst = rows_from(t.diff_dst, query);
      const std::int64_t row = keys * kLanes;
      multiply_lane_rows(queries, keys,
                         {.A = q, .B = transposed(k), .K = s.D, .alpha = s.scale, .C = P, .c_row = row});
      multiply_lane_rows(queries, keys, {.A = diff_dst, .B = transposed(v), .K = s.D, .C = dS, .c_row = row});
      for (int i = 0; i < queries; ++i) {
        const int visible = s.causal ? visible_keys(query + i, key, keys) : keys;
        differentiate_scores(P + i * row, dS + i * row, keys, visible,
                             load(t.log_sum_exp + (query + i) * kLanes),
                             load(t.delta + (query + i) * kLanes));
      }
      const LaneStart key_sums = query == first_query ? LaneStart::replace : LaneStart::add;
      const LaneStart query_sums = key == 0 ? LaneStart::replace : LaneStart::add;
      multiply_lane_rows(keys, s.D,
                         {.A = transposed({P, row, kLanes}),
                          .B = diff_dst,
                          .K = queries,
                          .C = t.diff_v.at(key),
                          .c_row = t.diff_v.row,
                          .start = key_sums});
      multiply_lane_rows(keys, s.D,
                         {.A = transposed({dS, row, kLanes}),
                          .B = q,
                          .K = queries,
                          .alpha = s.scale,
                          .C = t.diff_k.at(key),
                          .c_row = t.diff_k.row,
                          .start = key_sums});
      multiply_lane_rows(queries, s.D,
                         {.A = {dS, row, kLanes},
                          .B = k,
                          .K = keys,
                          .alpha = s.scale,
                          .C = t.diff_q.at(query),
                          .c_row = t.diff_q.row,
                          .start = query_sums});
    }
  }
}

template <class T>
void attention_bwd(const AttentionShape& s, const AttentionBwd<T>& t) {
  float* deltas = t.scratch;  // [G][NH][T][16]
  float* matrices = t.scratch + attention_rows(s) * kLanes;
  parallel_for(groups(s.N) * s.NH, [&](std::int64_t task) {
    const std::int64_t g = task / s.NH, h = task % s.NH, rows = task * s.T * kLanes;
    row_deltas(s, t, g, h, deltas + rows);
    HeadScratch<T> scratch(s, matrices, kHeadMatricesBwd);
    const HeadGradient head = {.q = scratch.input(t.q, g, h),
                               .k = scratch.input(t.k, g, h),
                               .v = scratch.input(t.v, g, h),
                               .diff_dst = scratch.input(t.diff_dst, g, h),
                               .log_sum_exp = t.log_sum_exp + rows,
                               .delta = deltas + rows,
                               .diff_q = scratch.result(t.diff_q, g, h),
                               .diff_k = scratch.result(t.diff_k, g, h),
                               .diff_v = scratch.result(t.diff_v, g, h)};
    differentiate_head(s, head);
    scratch.finish(head.diff_q, t.diff_q, g, h);
    scratch.finish(head.diff_k, t.diff_k, g, h);
    scratch.finish(head.diff_v, t.diff_v, g, h);
  });
}

}  // namespace
}  // namespace espalier::kernels
