// Feedback: a pruned weight goes on learning. The network computes with w' = mask * w, the gradient is taken
// there, and the update goes to all of w, pruned or not:
//
//   w <- w - lr * step(dL/dw at w'),   mask anew every so many steps among all of w
//
// so a weight that was pruned too early comes back as what it has become. w' + dormant = w: what the mask
// holds back is kept in Parameter::dormant, the error that the update feeds back. When it is over the masks
// stay, and what is dormant is dropped. The price is a dense gradient in every step until then.
//
// Lin et al., "Dynamic model pruning with feedback", ICLR 2020 (DPF).
#pragma once

#include "pruning/policies/regrow.h"

namespace espalier::pruning {

class Feedback : public Regrow {
 public:
  Feedback() {
    every_ = 50;
    end_ = 0.9;
  }

  void fields(FieldVisitor& v) override { timing_fields(v); }
  bool feeds_back() const override { return true; }
};

}  // namespace espalier::pruning
