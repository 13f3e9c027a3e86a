// Whole kernels: the weights [oc, ic, :, :] between one input and one output channel. Mao et al., "Exploring
// the granularity of sparsity in convolutional neural networks", CVPR workshops 2017.
#pragma once

#include "pruning/granularity/granularity.h"

namespace espalier::pruning {

class Kernel : public Granularity {
 public:
  void fields(FieldVisitor& v) override { norm_field(v); }
  UnitBox unit(const Shape& shape) const override { return {1, 1, whole_weight(shape).taps}; }
};

}  // namespace espalier::pruning
