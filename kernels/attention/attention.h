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
// Neither S nor P is ever in memory as a whole (README.md). q, k, v, dst and their gradients are f32 or bf16.
#pragma once

#include <cstdint>

#include "kernels/base/dispatch.h"
#include "kernels/base/element.h"
#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"

namespace espalier::kernels {

struct AttentionShape {
  std::int64_t N = 0;
  int T = 0, NH = 0, D = 0;  // tokens, heads, features of a head
  float scale = 1.0f;        // 1 / sqrt(D), as a rule
  bool causal = false;       // a token sees itself and those before it
};

// Where the rows of q, k, v or dst stand: token t of head h in a group of 16 images is D neighbouring vectors
// at  data + group * g + token * t + head * h.  Strides in elements, so q, k and v may lie in one tensor.
template <class T>
struct HeadRows {
  T* data;
  std::int64_t group, token, head;

  T* at(std::int64_t g, std::int64_t h, std::int64_t t) const {
    return data + g * group + h * head + t * token;
  }
};

// Part `part` of `parts` in a tensor [G][T][parts][NH][D][16]: 0, 1, 2 of 3 for q, k and v as one linear
// layer gives them, 0 of 1 for dst.
template <class T>
HeadRows<T> head_rows(const AttentionShape& s, T* data, int part, int parts) {
  const std::int64_t head = std::int64_t{s.D} * kLanes, token = parts * s.NH * head;
  return {data + part * s.NH * head, s.T * token, token, head};
}

template <class T = float>
struct AttentionFwd {
  HeadRows<const T> q, k, v;
  HeadRows<T> dst;
  float* log_sum_exp;        // [G][NH][T][16], for backward
  float* scratch = nullptr;  // attention_fwd_scratch_floats<T>
};

template <class T = float>
struct AttentionBwd {
  HeadRows<const T> q, k, v, dst, diff_dst;
  const float* log_sum_exp;  // [G][NH][T][16]
  HeadRows<T> diff_q, diff_k, diff_v;
  float* scratch;  // attention_bwd_scratch_floats<T>
};

// A thread works on one head at a time. Of bf16 it keeps these of the head's matrices [T][D][16] in f32: q,
// k, v and dst, or in backward q, k, v, diff_dst and the three gradients.
inline constexpr int kHeadMatricesFwd = 4, kHeadMatricesBwd = 7;
template <class T>
std::int64_t head_scratch_floats(const AttentionShape& s, int matrices) {
  if (element_of<T> == Element::f32) return 0;
  return std::int64_t{num_threads()} * matrices * s.T * s.D * kLanes;
}

inline std::int64_t attention_rows(const AttentionShape& s) { return groups(s.N) * s.NH * s.T; }
template <class T = float>
std::int64_t attention_fwd_scratch_floats(const AttentionShape& s) {
  return head_scratch_floats<T>(s, kHeadMatricesFwd);
}
template <class T = float>
std::int64_t attention_bwd_scratch_floats(const AttentionShape& s) {
  return attention_rows(s) * kLanes + head_scratch_floats<T>(s, kHeadMatricesBwd);
}

template <class T = float>
struct AttentionKernels {
  Isa isa;
  void (*forward)(const AttentionShape&, const AttentionFwd<T>&);
  void (*backward)(const AttentionShape&, const AttentionBwd<T>&);
};

template <class T = float>
const AttentionKernels<T>& attention() {
  return active_kernels<AttentionKernels<T>>();
}

}  // namespace espalier::kernels
