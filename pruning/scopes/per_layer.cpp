#include "pruning/scopes/per_layer.h"

namespace espalier::pruning {

std::vector<Quota> PerLayer::quotas(const std::vector<LayerInfo>& layers, double sparsity) const {
  std::vector<Quota> quotas;
  for (std::size_t i = 0; i < layers.size(); ++i) quotas.push_back({{i}, sparsity});
  return quotas;
}

}  // namespace espalier::pruning
