// GraSP: keeps the weights without which the gradient would lose most of its norm:
//
//   score = w (H g)      g = dL/dw, H the loss's second derivative
//
// Removing a weight changes |g|^2 by -2 w (H g) to first order. Wang, Zhang and Grosse, "Picking winning
// tickets before training by preserving gradient flow", ICLR 2020. H g is a central difference of two
// gradients along g: the error is of third order in the step, and no second derivative of any operation is
// needed.
//
// As in the authors' code logits are divided by a temperature, 200: classes are then almost equally probable,
// so that it does not count which of them the untrained network happens to prefer. Two things differ: batches
// are taken as they come, there as many images of each class; and the classifier is scored with its own
// initial weights, there with others drawn for that alone.
#pragma once

#include "pruning/criteria/measured.h"

namespace espalier::pruning {

class Grasp : public Measured {
 public:
  void fields(FieldVisitor& v) override;
  bool signed_scores() const override { return true; }
  void measure(const ScoringData& data, std::span<nn::Parameter* const> targets) override;

 private:
  std::int64_t batches_ = 8;
  double step_ = 0.01, temperature_ = 200.0;
};

}  // namespace espalier::pruning
