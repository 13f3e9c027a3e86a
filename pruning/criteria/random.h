// Random scores: the control that every other criterion has to beat.
#pragma once

#include "pruning/criteria/criterion.h"

namespace espalier::pruning {

class RandomScores : public Criterion {
 public:
  void fields(FieldVisitor& v) override;
  // A weight keeps its score for the whole run, so that a growing mask is the prefix of one random order.
  Tensor scores(const nn::Parameter& parameter) override;

 private:
  std::int64_t seed_ = 0;
};

}  // namespace espalier::pruning
