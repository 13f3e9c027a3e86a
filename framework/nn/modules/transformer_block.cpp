#include "framework/nn/modules/transformer_block.h"

#include "framework/nn/modules/sequential.h"
#include "framework/ops/add.h"

namespace espalier::nn {

TransformerBlock::TransformerBlock(const Options& options) : mlp_residual_(options.mlp_residual) {
  norm1_ = register_module("norm1", std::make_shared<LayerNorm>(options.dim, options.norm_eps));
  attn_ = register_module(
      "attn", std::make_shared<MultiheadAttention>(
                  options.dim, options.heads,
                  MultiheadAttention::Options{.qkv_bias = options.qkv_bias, .dropout = options.dropout}));
  drop_path1_ = register_module("drop_path1", std::make_shared<StochasticDepth>(options.stochastic_depth));
  norm2_ = register_module("norm2", std::make_shared<LayerNorm>(options.dim, options.norm_eps));
  mlp_ = register_module("mlp",
                         std::make_shared<Mlp>(options.dim, options.hidden, options.dropout, options.gelu));
  drop_path2_ = register_module("drop_path2", std::make_shared<StochasticDepth>(options.stochastic_depth));
}

Tensor TransformerBlock::forward(const Tensor& x) {
  const Tensor y = attn_ != nullptr ? ops::add(x, (*drop_path1_)((*attn_)((*norm1_)(x)))) : x;
  if (norm2_ == nullptr) return y;
  const Tensor normalised = (*norm2_)(y);
  if (mlp_ == nullptr) return normalised;
  const Tensor& residual = mlp_residual_ == MlpResidual::input ? y : normalised;
  return ops::add(residual, (*drop_path2_)((*mlp_)(normalised)));
}

bool TransformerBlock::drop_branch(const std::string& path) {
  if (path == this->path() + ".attn") {
    remove_module(norm1_);
    remove_module(attn_);
    remove_module(drop_path1_);
    return true;
  }
  if (path != this->path() + ".mlp") return false;
  if (mlp_residual_ == MlpResidual::input) remove_module(norm2_);
  remove_module(mlp_);
  remove_module(drop_path2_);
  return true;
}

std::vector<std::string> TransformerBlock::dropped_branches() const {
  std::vector<std::string> dropped;
  if (attn_ == nullptr) dropped.push_back(path() + ".attn");
  if (mlp_ == nullptr) dropped.push_back(path() + ".mlp");
  return dropped;
}

std::shared_ptr<Module> transformer_blocks(std::int64_t depth, const TransformerBlock::Options& options) {
  auto blocks = std::make_shared<Sequential>();
  for (std::int64_t i = 0; i < depth; ++i) {
    TransformerBlock::Options block = options;
    block.stochastic_depth *= static_cast<double>(i) / static_cast<double>(depth > 1 ? depth - 1 : 1);
    blocks->add(std::make_shared<TransformerBlock>(block));
  }
  return blocks;
}

}  // namespace espalier::nn
