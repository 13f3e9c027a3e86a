#pragma once

#include "framework/nn/execution.h"
#include "framework/nn/module.h"

namespace espalier::nn {

// y = x weight^T + bias, of [N, IC] or of each token of [N, T, IC], in lanes: ops::linear. Where enough
// weights are pruned, it multiplies only those that are left (execution.h).
//
//   weight [OC, IC], bias [OC]: uniform in +-1/sqrt(IC)
class Linear : public Module {
 public:
  struct Options {
    bool bias = true;
  };

  Linear(std::int64_t in_features, std::int64_t out_features)
      : Linear(in_features, out_features, Options{}) {}
  Linear(std::int64_t in_features, std::int64_t out_features, const Options& options);

  Tensor forward(const Tensor& x) override;
  void reset_parameters(std::uint64_t seed) override;
  std::int64_t uses_per_weight(const Shape& x, const Shape&) const override {
    return x.rank() == 3 ? x[1] : 1;
  }
  std::string type_name() const override { return "Linear"; }

  Parameter& weight() { return *weight_; }
  LayerExecution& execution() { return execution_; }

 private:
  LayerExecution execution_;
  Parameter* weight_;
  Parameter* bias_ = nullptr;  // null: none
};

}  // namespace espalier::nn
