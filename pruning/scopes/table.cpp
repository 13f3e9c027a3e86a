#include "pruning/scopes/table.h"

#include <algorithm>

#include "framework/core/error.h"
#include "pruning/targets.h"

namespace espalier::pruning {

void Table::Row::fields(FieldVisitor& v) {
  v.field("name", name, "names of weights, * and ? as in file names");
  v.field("sparsity", sparsity, "of each of them", {0.0, 1.0});
}

void Table::fields(FieldVisitor& v) {
  v.tables("layer", rows_, "sparsities by name; the first match counts");
}

double Table::largest(double sparsity) const {
  for (const Row& row : rows_) sparsity = std::max(sparsity, row.sparsity);
  return sparsity;
}

std::vector<Quota> Table::quotas(const std::vector<LayerInfo>& layers, double sparsity) const {
  for (const Row& row : rows_) {
    const bool used = std::any_of(layers.begin(), layers.end(),
                                  [&](const LayerInfo& layer) { return name_matches(layer.name, row.name); });
    if (!used)
      fail(ErrorKind::usage, "prune", "scope 'table': '{}' matches no weight that is to be pruned", row.name);
  }
  std::vector<Quota> quotas;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto row = std::find_if(rows_.begin(), rows_.end(),
                                  [&](const Row& r) { return name_matches(layers[i].name, r.name); });
    quotas.push_back({{i}, row == rows_.end() ? sparsity : row->sparsity});
  }
  return quotas;
}

}  // namespace espalier::pruning
