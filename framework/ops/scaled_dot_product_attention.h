#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

struct AttentionOptions {
  bool causal = false;  // a token sees itself and those before it
  float scale = 0.0f;   // of the scores; 0: 1 / sqrt(D)
};

// Self-attention of each image and head (Vaswani et al., arXiv:1706.03762), from queries, keys and values as
// one linear layer gives them:
//
//   y[i, h] = sum over j of p[j] v[j, h],  p = softmax over j of scale * q[i, h] . k[j, h]
//
//   qkv     lanes [N, T, 3*NH*D]: of each token all heads' queries, then keys, then values, D features each
//   result  lanes [N, T, NH*D]
//
// The memory it takes grows with T, not with T^2: blocks of probabilities live in cache only
// (kernels/attention), and backward computes them again.
Tensor scaled_dot_product_attention(const Tensor& qkv, std::int64_t heads,
                                    const AttentionOptions& options = {});

}  // namespace espalier::ops
