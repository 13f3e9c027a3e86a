// SET: connections grow at random. Mocanu et al., "Scalable training of artificial neural networks with
// adaptive sparse connectivity inspired by network science", Nature Communications 2018.
#pragma once

#include "pruning/policies/regrow.h"

namespace espalier::pruning {

class Set : public Regrow {
 public:
  void fields(FieldVisitor& v) override;
  Tensor growth_scores(const nn::Parameter& parameter, std::int64_t done) override;

 private:
  std::int64_t seed_ = 0;
};

}  // namespace espalier::pruning
