// Muon: momentum whose matrices are made orthogonal before they are applied.
#pragma once

#include "framework/optim/newton_schulz.h"
#include "framework/optim/optimizer.h"

namespace espalier::optim {

struct MuonSettings : OptimizerSettings {
  double momentum = 0.95;
  bool nesterov = true;
  std::int64_t newton_schulz_steps = 5;
  double sgd_lr = 0.1;
  double sgd_weight_decay = 0.0;

  void fields(FieldVisitor& v);
};

MuonSettings muon_defaults();

// Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024. For every weight that is a
// matrix, [out, in] or a convolution's [OC, IC*KH*KW]:
//
//   v  = momentum * v + g
//   d  = orthogonalize(nesterov ? g + momentum * v : v)        every direction moves by the same amount
//   w -= lr * weight_decay * w + lr * sqrt(max(1, rows/cols)) * d
//
// Biases, norms and the last weight (the classifier's) follow SGD with the same momentum, decoupled decay and
// the rate sgd_lr, which the schedule multiplies as it does lr. Pruned weights take no part in d and stay 0.
// State: "<parameter>.momentum".
class Muon : public Optimizer {
 public:
  Muon(std::vector<nn::Parameter*> parameters, const MuonSettings& settings);

 protected:
  void update_all(double gradient_scale) override;
  void update(const Slice& slice) const override;
  bool needs_whole(std::size_t parameter) const override { return matrices_[parameter].rows != 0; }

 private:
  struct Matrix {
    std::int64_t rows = 0, cols = 0;  // 0: not a matrix
    Tensor direction;
  };

  // v and, before it is made orthogonal, d
  void accumulate(const Slice& slice);

  MuonSettings settings_;
  std::vector<Matrix> matrices_;  // a parameter
  NewtonSchulz newton_schulz_;
};

}  // namespace espalier::optim
