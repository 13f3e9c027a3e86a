// Taylor: the change of the loss that a missing weight would make, to first order, squared: (w dL/dw)^2,
// averaged over the latest steps. Molchanov et al., "Importance estimation for neural network pruning", CVPR
// 2019. A filter's score is theirs, but for the filter's size, with norm "l1".
#pragma once

#include "pruning/criteria/gathered.h"

namespace espalier::pruning {

class Taylor : public Gathered {
 public:
  void fields(FieldVisitor& v) override {
    v.field("decay", decay_, "of the running mean: 0.99 remembers about a hundred steps", {0.0, 0.99999});
  }
  bool reads_pruned_gradients() const override { return false; }  // they meet a weight of 0

 protected:
  float gather(float before, float weight, float gradient) const override {
    const float decay = static_cast<float>(decay_), change = weight * gradient;
    return decay * before + (1.0f - decay) * change * change;
  }

 private:
  double decay_ = 0.99;
};

}  // namespace espalier::pruning
