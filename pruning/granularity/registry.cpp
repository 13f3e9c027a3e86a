#include "pruning/granularity/element.h"
#include "pruning/granularity/filter.h"

namespace espalier::pruning {

const Registry<Granularity>& granularity_registry() {
  static const Registry<Granularity> registry(
      "granularity",
      {
          {"element", "single weights: unstructured sparsity", std::make_unique<Element>},
          {"filter", "whole filters: output channels, neurons (Li et al. 2017)", std::make_unique<Filter>},
      });
  return registry;
}

}  // namespace espalier::pruning
