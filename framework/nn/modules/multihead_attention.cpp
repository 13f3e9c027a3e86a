#include "framework/nn/modules/multihead_attention.h"

#include "framework/core/error.h"
#include "framework/ops/scaled_dot_product_attention.h"

namespace espalier::nn {

MultiheadAttention::MultiheadAttention(std::int64_t dim, std::int64_t heads, const Options& options) {
  check(heads > 0 && dim % heads == 0, "MultiheadAttention",
        "the heads share the features alike: expected a number that divides {}, got {} heads", dim, heads);
  head_features_ = dim / heads;
  qkv_ = register_module("qkv",
                         std::make_shared<Linear>(dim, 3 * dim, Linear::Options{.bias = options.qkv_bias}));
  proj_ = register_module("proj", std::make_shared<Linear>(dim, dim));
  proj_drop_ = register_module("proj_drop", std::make_shared<Dropout>(options.dropout));
}

Tensor MultiheadAttention::forward(const Tensor& x) {
  const Tensor heads = ops::scaled_dot_product_attention((*qkv_)(x), features() / head_features_);
  return (*proj_drop_)((*proj_)(heads));
}

std::int64_t MultiheadAttention::features() const { return qkv_->weight().value.dim(0) / 3; }

// Scores and their sums of values: T * T * features each.
std::int64_t MultiheadAttention::activation_macs(const Shape& x) const {
  return 2 * x[1] * x[1] * features();
}

}  // namespace espalier::nn
