// Whole filters: the weights [oc, :, :, :] that compute one output channel of a convolution, or the row of a
// linear layer that computes one neuron. Li et al., "Pruning filters for efficient ConvNets", ICLR 2017.
#pragma once

#include "pruning/granularity/granularity.h"

namespace espalier::pruning {

class Filter : public Granularity {
 public:
  void fields(FieldVisitor& v) override { norm_field(v); }
  UnitBox unit(const Shape& shape) const override {
    const UnitBox whole = whole_weight(shape);
    return {1, whole.ic, whole.taps};
  }
  bool whole_filters() const override { return true; }
};

}  // namespace espalier::pruning
