#pragma once

#include "framework/nn/modules/dropout.h"
#include "framework/nn/modules/linear.h"
#include "framework/ops/gelu.h"

namespace espalier::nn {

// The feed-forward half of a transformer block, of each token of [N, T, dim]: fc2(gelu(fc1(x))), dropout
// after both. Names as timm's Mlp. Neuron i owns row i of fc1 and column i of fc2.
//
//   fc1.weight [hidden, dim], fc1.bias [hidden]      fc2.weight [dim, hidden], fc2.bias [dim]
class Mlp : public Module {
 public:
  Mlp(std::int64_t dim, std::int64_t hidden, double dropout = 0.0, ops::Gelu gelu = ops::Gelu::erf);

  Tensor forward(const Tensor& x) override;
  std::string type_name() const override { return "Mlp"; }

 private:
  ops::Gelu gelu_;
  std::shared_ptr<Linear> fc1_, fc2_;
  std::shared_ptr<Dropout> drop1_, drop2_;
};

}  // namespace espalier::nn
