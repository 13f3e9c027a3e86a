// RigL: connections grow where the dense gradient is largest, seen in the very step after which they do. Evci
// et al., ICML 2020. There such a step leaves the weights as they are; here it updates them first.
#pragma once

#include <map>
#include <string>

#include "pruning/policies/regrow.h"

namespace espalier::pruning {

class RigL : public Regrow {
 public:
  bool reads_pruned_gradients() const override { return true; }
  void observe(std::span<nn::Parameter* const> targets) override;
  Tensor growth_scores(const nn::Parameter& parameter, std::int64_t done) override;

 private:
  std::map<std::string, Tensor> gradients_;  // magnitudes, by parameter; needed within one step only
};

}  // namespace espalier::pruning
