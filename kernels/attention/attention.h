// Scaled dot-product attention (Vaswani et al., arXiv:1706.03762), head by head and image by image:
//
//   S[i, j] = scale * sum over d of q[i, d] * k[j, d]      causal: j <= i only
//   P[i, j] = e^(S[i, j] - log_sum_exp[i])                 log_sum_exp[i] = log sum over j of e^S[i, j]
//   dst[i, d] = sum over j of P[i, j] * v[j, d]
//
//   delta[i] = sum over d of diff_dst[i, d] * dst[i, d]
//   diff_v[j] = sum over i of P[i, j] * diff_dst[i]
//   dS[i, j] = P[i, j] * (sum over d of diff_dst[i, d] * v[j, d] - delta[i])
//   diff_q[i] = scale * sum over j of dS[i, j] * k[j]
//   diff_k[j] = scale * sum over i of dS[i, j] * q[i]
//
// Neither S nor P is ever in memory as a whole (README.md).
#pragma once

#include <cstdint>

#include "kernels/base/dispatch.h"
#include "kernels/base/lanes.h"

namespace espalier::kernels {

struct AttentionShape {
  std::int64_t N = 0;
  int T = 0, NH = 0, D = 0;  // tokens, heads, features of a head
  float scale = 1.0f;        // 1 / sqrt(D), as a rule
  bool causal = false;       // a token sees itself and those before it
};

// Where the rows of q, k, v or dst stand: token t of head h in a group of 16 images is D neighbouring vectors
// at  data + group * g + token * t + head * h.  Strides in floats, so q, k and v may lie in one tensor.
template <class Float>
struct HeadRows {
  Float* data;
  std::int64_t group, token, head;

  Float* at(std::int64_t g, std::int64_t h, std::int64_t t) const {
    return data + g * group + h * head + t * token;
  }
};

// Part `part` of `parts` in a tensor [G][T][parts][NH][D][16]: 0, 1, 2 of 3 for q, k and v as one linear
// layer gives them, 0 of 1 for dst.
template <class Float>
HeadRows<Float> head_rows(const AttentionShape& s, Float* data, int part, int parts) {
  const std::int64_t head = std::int64_t{s.D} * kLanes, token = parts * s.NH * head;
  return {data + part * s.NH * head, s.T * token, token, head};
}

struct AttentionFwd {
  HeadRows<const float> q, k, v;
  HeadRows<float> dst;
  float* log_sum_exp;  // [G][NH][T][16], for backward
};

struct AttentionBwd {
  HeadRows<const float> q, k, v, dst, diff_dst;
  const float* log_sum_exp;  // [G][NH][T][16]
  HeadRows<float> diff_q, diff_k, diff_v;
  float* scratch;  // attention_bwd_scratch_floats
};

inline std::int64_t attention_rows(const AttentionShape& s) { return groups(s.N) * s.NH * s.T; }
inline std::int64_t attention_bwd_scratch_floats(const AttentionShape& s) {
  return attention_rows(s) * kLanes;
}

struct AttentionKernels {
  Isa isa;
  void (*forward)(const AttentionShape&, const AttentionFwd&);
  void (*backward)(const AttentionShape&, const AttentionBwd&);
};

inline const AttentionKernels& attention() { return active_kernels<AttentionKernels>(); }

}  // namespace espalier::kernels
