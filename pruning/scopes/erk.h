// Erdos-Renyi-Kernel: small layers stay denser than large ones.
//
//   density of a layer  ~  (OC + IC + KH + KW) / (OC IC KH KW),   at most 1
//
// so that the number of weights of a layer grows with the sum of its sizes, not with their product. Evci et
// al., "Rigging the lottery", ICML 2020; after Mocanu et al., Nature Communications 2018.
#pragma once

#include "pruning/scopes/scope.h"

namespace espalier::pruning {

class Erk : public Scope {
 public:
  std::vector<Quota> quotas(const std::vector<LayerInfo>& layers, double sparsity) const override;
  bool shares_out() const override { return true; }
};

}  // namespace espalier::pruning
