#pragma once

#include "framework/nn/module.h"
#include "framework/ops/relu.h"

namespace espalier::nn {

// max(x, 0)
class ReLU : public Module {
 public:
  Tensor forward(const Tensor& x) override { return ops::relu(x); }
  std::string type_name() const override { return "ReLU"; }
};

}  // namespace espalier::nn
