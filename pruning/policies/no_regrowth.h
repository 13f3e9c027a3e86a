// Masks only shrink.
#pragma once

#include "pruning/policies/regrow.h"

namespace espalier::pruning {

class NoRegrowth : public Regrow {
 public:
  void fields(FieldVisitor&) override {}
  bool grows() const override { return false; }
  bool due(std::int64_t, std::int64_t) const override { return false; }
};

}  // namespace espalier::pruning
