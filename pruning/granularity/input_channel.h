// Whole input channels: the weights [:, ic, :, :] that read one channel, or the column of a linear layer that
// reads one feature. He, Zhang and Sun, "Channel pruning for accelerating very deep neural networks", ICCV
// 2017.
#pragma once

#include "pruning/granularity/granularity.h"

namespace espalier::pruning {

class InputChannel : public Granularity {
 public:
  void fields(FieldVisitor& v) override { norm_field(v); }
  UnitBox unit(const Shape& shape) const override {
    const UnitBox whole = whole_weight(shape);
    return {whole.oc, 1, whole.taps};
  }
};

}  // namespace espalier::pruning
