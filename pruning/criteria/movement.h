// Movement: the sum over training of -w dL/dw. A weight that grows away from zero gains, one that shrinks
// loses, whatever its size. Sanh, Wolf and Rush, "Movement pruning: adaptive sparsity by fine-tuning",
// NeurIPS 2020: the hard, first-order form, with masks that only grow as the schedule says.
#pragma once

#include "pruning/criteria/gathered.h"

namespace espalier::pruning {

class Movement : public Gathered {
 public:
  bool reads_pruned_gradients() const override { return false; }  // they meet a weight of 0
  bool signed_scores() const override { return true; }

 protected:
  float gather(float before, float weight, float gradient) const override {
    return before - weight * gradient;
  }
};

}  // namespace espalier::pruning
