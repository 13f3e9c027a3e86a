// Whole residual branches. Masked, a branch adds exactly 0 to the stream that passes it by; the shrunk
// network does without it. Networks stand that: Veit, Wilber and Belongie, "Residual networks behave like
// ensembles of relatively shallow networks", NeurIPS 2016; Fan, Grave and Joulin, "Reducing transformer depth
// on demand with structured dropout", ICLR 2020.
#pragma once

#include "pruning/granularity/granularity.h"

namespace espalier::pruning {

// Each branch by itself: a ResNet's block, a transformer's attention or its MLP.
class Branch : public Granularity {
 public:
  void fields(FieldVisitor& v) override { norm_field(v); }
  UnitBox unit(const Shape& shape) const override { return whole_weight(shape); }
  std::optional<Structure> structure() const override { return Structure::branch; }
};

// All branches of one block: of a transformer, a whole layer.
class Layer : public Branch {
 public:
  std::optional<Structure> structure() const override { return Structure::layer; }
};

}  // namespace espalier::pruning
