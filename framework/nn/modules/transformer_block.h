#pragma once

#include "framework/nn/modules/layer_norm.h"
#include "framework/nn/modules/mlp.h"
#include "framework/nn/modules/multihead_attention.h"

namespace espalier::nn {

// What the second half of a block adds its result to.
enum class MlpResidual {
  input,       // the sum that the first half gave, as in ViT
  normalised,  // norm2 of it, as in the compact transformers' code
};

// A transformer encoder block with its norms first (Dosovitskiy et al., arXiv:2010.11929), over tokens
// [N, T, dim]:
//
//   y = x + attn(norm1(x)),  result = y + mlp(norm2(y))
//
// In training each of the two branches is left out whole for a share of the images (stochastic depth). Names
// as timm's Block: norm1, attn, norm2, mlp.
class TransformerBlock : public Module {
 public:
  struct Options {
    std::int64_t dim = 0;
    std::int64_t heads = 1;
    std::int64_t hidden = 0;  // neurons of the MLP
    bool qkv_bias = true;
    double norm_eps = 1e-6;
    double dropout = 0.0;           // after attention's and the MLP's layers
    double stochastic_depth = 0.0;  // probability that a branch is left out
    MlpResidual mlp_residual = MlpResidual::input;
    ops::Gelu gelu = ops::Gelu::erf;  // of the MLP
  };

  explicit TransformerBlock(const Options& options);

  Tensor forward(const Tensor& x) override;
  // "<path>.attn" or "<path>.mlp", with the norm before it unless that is what the result is added to.
  bool drop_branch(const std::string& path) override;
  std::vector<std::string> dropped_branches() const override;
  std::string type_name() const override { return "TransformerBlock"; }

 private:
  MlpResidual mlp_residual_;
  std::shared_ptr<LayerNorm> norm1_, norm2_;
  std::shared_ptr<MultiheadAttention> attn_;  // null: dropped
  std::shared_ptr<Mlp> mlp_;                  // null: dropped
  std::shared_ptr<StochasticDepth> drop_path1_, drop_path2_;
};

// `depth` blocks, named "0", "1", ...; the probability that a branch is left out rises linearly from 0 in the
// first to options.stochastic_depth in the last (Huang et al., arXiv:1603.09382).
std::shared_ptr<Module> transformer_blocks(std::int64_t depth, const TransformerBlock::Options& options);

}  // namespace espalier::nn
