// All layers compete: the network finds out by itself which layers can spare more.
#pragma once

#include "pruning/scopes/scope.h"

namespace espalier::pruning {

class Global : public Scope {
 public:
  std::vector<Quota> quotas(const std::vector<LayerInfo>& layers, double sparsity) const override;
};

}  // namespace espalier::pruning
