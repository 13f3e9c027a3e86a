// Who competes with whom: how a target sparsity is shared out among layers.
#pragma once

#include <string>
#include <vector>

#include "framework/core/fields.h"
#include "framework/tensor/shape.h"

namespace espalier::pruning {

// What a scope may know of a layer.
struct LayerInfo {
  std::string name;
  Shape shape;
  double cost = 1.0;  // of a weight
};

// Layers (by index) whose units compete for survival, and the fraction of their cost that is to be pruned
// in the end. On the way there the schedule applies to each quota.
struct Quota {
  std::vector<std::size_t> layers;
  double sparsity = 0.0;
};

class Scope {
 public:
  virtual ~Scope() = default;

  virtual void fields(FieldVisitor&) {}
  // Every layer is in exactly one quota. `sparsity` is that of all layers together.
  virtual std::vector<Quota> quotas(const std::vector<LayerInfo>& layers, double sparsity) const = 0;
  // Does every layer lose a share of its own, worked out from the pruner's sparsity?
  virtual bool shares_out() const { return false; }
  // Does it name the sparsities of layers itself?
  virtual bool names_layers() const { return false; }
  // The largest sparsity that anybody names, the pruner or the scope itself. 0: nothing is to be pruned.
  virtual double largest(double sparsity) const { return sparsity; }
};

const Registry<Scope>& scope_registry();

}  // namespace espalier::pruning
