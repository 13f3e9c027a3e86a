// Geometric median: a filter that lies in the middle of its layer's filters can be replaced by the others.
// The score is the sum of its distances to them. He et al., "Filter pruning via geometric median", CVPR 2019.
// For granularity "filter".
#pragma once

#include "pruning/criteria/criterion.h"

namespace espalier::pruning {

class Fpgm : public Criterion {
 public:
  // All weights of a filter have its score.
  Tensor scores(const nn::Parameter& parameter) override;
  bool scores_filters() const override { return true; }
};

}  // namespace espalier::pruning
