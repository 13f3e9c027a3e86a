// GraSP: keeps the weights without which the gradient would lose most of its norm:
//
//   score = w (H g)      g = dL/dw, H the loss's second derivative
//
// Removing a weight changes |g|^2 by -2 w (H g) to first order. Wang, Zhang and Grosse, "Picking winning
// tickets before training by preserving gradient flow", ICLR 2020. H g is a central difference of two
// gradients along g: the error is of third order in the step, and no second derivative of any operation is
// needed.
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
  double step_ = 0.01;
};

}  // namespace espalier::pruning
