// Magnitude: |w|. The smallest weights change the function least.
// Han et al., "Learning both weights and connections for efficient neural networks", NeurIPS 2015.
#pragma once

#include "pruning/criteria/criterion.h"

namespace espalier::pruning {

class Magnitude : public Criterion {
 public:
  Tensor scores(const nn::Parameter& parameter) override;
};

}  // namespace espalier::pruning
