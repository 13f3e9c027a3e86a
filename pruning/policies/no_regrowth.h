// Masks only shrink.
#pragma once

#include "pruning/policies/regrow.h"

namespace espalier::pruning {

class NoRegrowth : public Regrow {
 public:
  void fields(FieldVisitor&) override {}
  bool grows() const override { return false; }
  bool due(std::int64_t, std::int64_t) const override { return false; }
  Tensor growth_scores(const nn::Parameter& parameter, std::int64_t) override {
    return Tensor::zeros(parameter.value.shape());
  }
};

}  // namespace espalier::pruning
