// Single weights: unstructured sparsity.
#pragma once

#include "pruning/granularity/granularity.h"

namespace espalier::pruning {

class Element : public Granularity {
 public:
  UnitBox unit(const Shape&) const override { return {1, 1, 1}; }
};

}  // namespace espalier::pruning
