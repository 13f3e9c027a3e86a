#pragma once

#include "framework/nn/modules/dropout.h"
#include "framework/nn/modules/linear.h"

namespace espalier::nn {

// Self-attention over the tokens of [N, T, dim] with several heads (Vaswani et al., arXiv:1706.03762):
// one linear layer for queries, keys and values, ops::scaled_dot_product_attention, one for the result.
//
//   qkv.weight [3*dim, dim], qkv.bias [3*dim]      proj.weight [dim, dim], proj.bias [dim]
//
// The names, shapes and order are timm's (vision_transformer.Attention), whose checkpoints of ViT are the
// usual ones; torch.nn.MultiheadAttention calls the same four tensors in_proj_weight, in_proj_bias,
// out_proj.weight and out_proj.bias.
//
// Head h of `heads`, with D = dim / heads, owns the rows h*D .. h*D + D-1 of each third of qkv (of queries,
// from 0; of keys, from dim; of values, from 2*dim) and the columns h*D .. h*D + D-1 of proj.weight. So a
// head is removed by cutting three runs of rows and one of columns: D stays, and how many heads there are
// follows from the rows that are left (nn/resize.h).
class MultiheadAttention : public Module {
 public:
  struct Options {
    bool qkv_bias = true;
    double dropout = 0.0;  // of the result
  };

  MultiheadAttention(std::int64_t dim, std::int64_t heads) : MultiheadAttention(dim, heads, Options{}) {}
  // Throws Error unless the heads divide dim.
  MultiheadAttention(std::int64_t dim, std::int64_t heads, const Options& options);

  Tensor forward(const Tensor& x) override;
  std::int64_t activation_macs(const Shape& x) const override;
  std::string type_name() const override { return "MultiheadAttention"; }

 private:
  // Of all heads that are left.
  std::int64_t features() const;

  std::int64_t head_features_;  // of one: D
  std::shared_ptr<Linear> qkv_, proj_;
  std::shared_ptr<Dropout> proj_drop_;
};

}  // namespace espalier::nn
