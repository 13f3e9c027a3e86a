#pragma once

#include "framework/nn/module.h"
#include "framework/ops/avg_pool2d.h"
#include "framework/ops/max_pool2d.h"

namespace espalier::nn {

// The largest value of each window of [N, C, H, W]: ops::max_pool2d.
class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(const ops::Pool2dOptions& options) : options_(options) {}

  Tensor forward(const Tensor& x) override { return ops::max_pool2d(x, options_); }
  std::string type_name() const override { return "MaxPool2d"; }

 private:
  ops::Pool2dOptions options_;
};

// The mean of each window of [N, C, H, W]: ops::avg_pool2d.
class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(const ops::Pool2dOptions& options) : options_(options) {}

  Tensor forward(const Tensor& x) override { return ops::avg_pool2d(x, options_); }
  std::string type_name() const override { return "AvgPool2d"; }

 private:
  ops::Pool2dOptions options_;
};

}  // namespace espalier::nn
