#include "pruning/scopes/erk.h"
#include "pruning/scopes/global.h"
#include "pruning/scopes/per_layer.h"
#include "pruning/scopes/table.h"

namespace espalier::pruning {

const Registry<Scope>& scope_registry() {
  static const Registry<Scope> registry(
      "scope",
      {
          {"global", "all layers compete", std::make_unique<Global>},
          {"per_layer", "the same sparsity in every layer", std::make_unique<PerLayer>},
          {"erk", "small layers denser, Erdos-Renyi-Kernel (Evci et al. 2020)", std::make_unique<Erk>},
          {"table", "a sparsity for each layer, by name", std::make_unique<Table>},
      });
  return registry;
}

}  // namespace espalier::pruning
