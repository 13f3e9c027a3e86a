// Stochastic gradient descent with momentum.
#pragma once

#include "framework/optim/optimizer.h"

namespace espalier::optim {

struct SgdSettings : OptimizerSettings {
  double momentum = 0.0;
  bool nesterov = false;
  bool decoupled_decay = false;

  void fields(FieldVisitor& v);
};

// PyTorch's SGD:
//
//   g += weight_decay * w                (coupled decay, PyTorch's)
//   v  = momentum * v + g                (v = 0 at first)
//   w -= lr * (nesterov ? g + momentum * v : v)
//
// With decoupled decay the first line becomes w -= lr * weight_decay * w, out of reach of the momentum (SGDW,
// Loshchilov and Hutter, arXiv:1711.05101). State: "<parameter>.momentum".
class Sgd : public Optimizer {
 public:
  Sgd(std::vector<nn::Parameter*> parameters, const SgdSettings& settings);

 protected:
  void update(const Slice& slice) const override;

 private:
  SgdSettings settings_;
};

}  // namespace espalier::optim
