#include "pruning/scopes/global.h"

#include <numeric>

namespace espalier::pruning {

std::vector<Quota> Global::quotas(const std::vector<LayerInfo>& layers, double sparsity) const {
  Quota all;
  all.layers.resize(layers.size());
  std::iota(all.layers.begin(), all.layers.end(), std::size_t{0});
  all.sparsity = sparsity;
  return {all};
}

}  // namespace espalier::pruning
