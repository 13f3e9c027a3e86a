// LAMP: magnitude made comparable between layers. With a layer's weights in ascending order,
//
//   score(u) = w_u^2 / sum over v >= u of w_v^2
//
// the part of a layer that would go with the weight, of all that would still be there; the largest weight of
// every layer scores 1. Lee et al., "Layer-adaptive sparsity for the magnitude-based pruning", ICLR 2021. For
// scope "global".
#pragma once

#include "pruning/criteria/criterion.h"

namespace espalier::pruning {

class Lamp : public Criterion {
 public:
  Tensor scores(const nn::Parameter& parameter) override;
};

}  // namespace espalier::pruning
