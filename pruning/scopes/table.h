// A sparsity for each layer, written down:
//
//   scope = { kind = "table", layer = [{ name = "layer1.*", sparsity = 0.3 }, { name = "fc.*", sparsity = 0.0
//   }] }
//
// The first row whose name matches counts; layers that none matches get the pruner's sparsity, which may be
// 0. `espalier sensitivity --drop` writes such a table.
#pragma once

#include "pruning/scopes/scope.h"

namespace espalier::pruning {

class Table : public Scope {
 public:
  struct Row {
    std::string name = "*";
    double sparsity = 0.0;

    void fields(FieldVisitor& v);
  };

  Table() = default;
  explicit Table(std::vector<Row> rows) : rows_(std::move(rows)) {}

  void fields(FieldVisitor& v) override;
  // Throws Error (usage) when a row matches no layer.
  std::vector<Quota> quotas(const std::vector<LayerInfo>& layers, double sparsity) const override;
  bool names_layers() const override { return true; }
  double largest(double sparsity) const override;

 private:
  std::vector<Row> rows_;
};

}  // namespace espalier::pruning
