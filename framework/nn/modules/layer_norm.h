#pragma once

#include "framework/nn/module.h"

namespace espalier::nn {

// Normalises the last dimension of [N, C] or [N, T, C]: ops::layer_norm (Ba et al., arXiv:1607.06450).
//
//   weight [C] ones, bias [C] zeros
class LayerNorm : public Module {
 public:
  explicit LayerNorm(std::int64_t features, double eps = 1e-5);

  Tensor forward(const Tensor& x) override;
  void reset_parameters(std::uint64_t seed) override;
  std::string type_name() const override { return "LayerNorm"; }

 private:
  double eps_;
  Parameter& weight_;
  Parameter& bias_;
};

}  // namespace espalier::nn
