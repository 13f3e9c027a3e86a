// The same sparsity in every layer.
#pragma once

#include "pruning/scopes/scope.h"

namespace espalier::pruning {

class PerLayer : public Scope {
 public:
  std::vector<Quota> quotas(const std::vector<LayerInfo>& layers, double sparsity) const override;
  bool shares_out() const override { return true; }
};

}  // namespace espalier::pruning
