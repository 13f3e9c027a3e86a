// Adam and AdamW: steps scaled by running moments of the gradient.
#pragma once

#include "framework/optim/optimizer.h"

namespace espalier::optim {

struct AdamWSettings : OptimizerSettings {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  bool decoupled_decay = true;

  void fields(FieldVisitor& v);
};

// PyTorch's defaults: rate 0.001, decay 0.01 decoupled (AdamW), or no decay and through the gradient (Adam).
AdamWSettings adamw_defaults();
AdamWSettings adam_defaults();

// AdamW (Loshchilov and Hutter, arXiv:1711.05101), with t the step from 1:
//
//   w -= lr * weight_decay * w           (decoupled; coupled, Adam's: g += weight_decay * w)
//   m  = beta1 * m + (1 - beta1) * g
//   v  = beta2 * v + (1 - beta2) * g^2
//   w -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
//
// State: "<parameter>.exp_avg" (m) and "<parameter>.exp_avg_sq" (v), PyTorch's names.
class AdamW : public Optimizer {
 public:
  AdamW(std::vector<nn::Parameter*> parameters, const AdamWSettings& settings);

 protected:
  void update(const Slice& slice) const override;

 private:
  AdamWSettings settings_;
};

}  // namespace espalier::optim
