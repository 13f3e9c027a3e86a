#include "pruning/scopes/erk.h"

#include <numeric>

namespace espalier::pruning {

std::vector<Quota> Erk::quotas(const std::vector<LayerInfo>& layers, double sparsity) const {
  struct Layer {
    double weights, sizes, cost;
    bool dense = false;  // its share would be more than all of its weights
  };
  std::vector<Layer> all;
  for (const LayerInfo& layer : layers) {
    all.push_back({.weights = static_cast<double>(layer.shape.numel()),
                   .sizes = static_cast<double>(
                       std::accumulate(layer.shape.begin(), layer.shape.end(), std::int64_t{0})),
                   .cost = layer.cost});
  }
  // density = factor * sizes / weights. A layer that stays dense leaves less to the others, so the factor is
  // found again until none is added.
  double factor = 0.0;
  for (bool changed = true; changed;) {
    double kept = 0.0, sizes = 0.0;
    for (const Layer& layer : all) {
      kept += (1.0 - sparsity) * layer.cost * layer.weights;
      if (layer.dense) kept -= layer.cost * layer.weights;
      if (!layer.dense) sizes += layer.cost * layer.sizes;
    }
    factor = sizes > 0.0 ? kept / sizes : 0.0;
    changed = false;
    for (Layer& layer : all) {
      if (layer.dense || factor * layer.sizes < layer.weights) continue;
      layer.dense = changed = true;
    }
  }
  std::vector<Quota> quotas;
  for (std::size_t i = 0; i < all.size(); ++i)
    quotas.push_back({{i}, all[i].dense ? 0.0 : 1.0 - factor * all[i].sizes / all[i].weights});
  return quotas;
}

}  // namespace espalier::pruning
