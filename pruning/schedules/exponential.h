// The same share of the weights that are left at every change, as in rounds of iterative pruning:
//
//   sparsity(p) = 1 - (1 - final)^p
//
// Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic flow", NeurIPS
// 2020.
#pragma once

#include <cmath>

#include "pruning/schedules/gradual.h"

namespace espalier::pruning {

class Exponential : public Gradual {
 protected:
  // A final sparsity of 1 has no finite rate: it comes in the last change.
  double curve(double p, double final) const override {
    return final < 1.0 ? 1.0 - std::pow(1.0 - final, p) : 0.0;
  }
};

}  // namespace espalier::pruning
