#include "pruning/scopes/global.h"
#include "pruning/scopes/per_layer.h"

namespace espalier::pruning {

const Registry<Scope>& scope_registry() {
  static const Registry<Scope> registry(
      "scope", {
                   {"global", "all layers compete", std::make_unique<Global>},
                   {"per_layer", "the same sparsity in every layer", std::make_unique<PerLayer>},
               });
  return registry;
}

}  // namespace espalier::pruning
