// As many weights at every change:  sparsity(p) = final * p
#pragma once

#include "pruning/schedules/gradual.h"

namespace espalier::pruning {

class Linear : public Gradual {
 protected:
  double curve(double p, double final) const override { return final * p; }
};

}  // namespace espalier::pruning
