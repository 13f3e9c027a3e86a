#pragma once

#include "framework/nn/execution.h"
#include "framework/nn/module.h"
#include "framework/ops/conv2d.h"

namespace espalier::nn {

// Convolution of [N, IC, H, W] in lanes: ops::conv2d. PyTorch's Conv2d with a square kernel. Where enough
// weights are pruned, it multiplies only those that are left (execution.h).
//
//   weight [OC, IC/groups, K, K], bias [OC]: uniform in +-1/sqrt(IC/groups * K * K)
//
// When its parameters are replaced by narrower ones (nn/resize.h), the number of groups stays, but for a
// depthwise convolution (groups = IC), which has as many as it has channels left.
class Conv2d : public Module {
 public:
  struct Options {
    int stride = 1;
    int padding = 0;
    int groups = 1;
    bool bias = true;
  };

  Conv2d(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size)
      : Conv2d(in_channels, out_channels, kernel_size, Options{}) {}
  Conv2d(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
         const Options& options);

  Tensor forward(const Tensor& x) override;
  void reset_parameters(std::uint64_t seed) override;
  std::int64_t uses_per_weight(const Shape&, const Shape& y) const override { return y[2] * y[3]; }
  std::string type_name() const override { return "Conv2d"; }

  Parameter& weight() { return *weight_; }
  std::int64_t out_channels() const { return weight_->value.dim(0); }
  LayerExecution& execution() { return execution_; }

 private:
  ops::Conv2dOptions options_;
  std::int64_t outputs_per_channel_ = 0;  // of a depthwise convolution; 0: it is none
  LayerExecution execution_;
  Parameter* weight_;
  Parameter* bias_ = nullptr;  // null: none
};

}  // namespace espalier::nn
