// APoZ: a filter whose output is mostly zero after the activation does little. The score is the share of
// outputs that are not 0: 1 - APoZ, the average percentage of zeros. Hu et al., "Network trimming: a
// data-driven neuron pruning approach towards efficient deep architectures", arXiv:1607.03250, 2016. As there
// the network is a trained one, in evaluation mode. Where a residual connection joins before the activation,
// the sum counts. A filter that no ReLU follows scores 1 and stays longest. For granularity "filter".
#pragma once

#include <set>
#include <string>

#include "pruning/criteria/measured.h"

namespace espalier::pruning {

class Apoz : public Measured {
 public:
  void fields(FieldVisitor& v) override;
  bool scores_filters() const override { return true; }
  void measure(const ScoringData& data, std::span<nn::Parameter* const> targets) override;
  std::string blind_to(const nn::Parameter& parameter) const override;

 private:
  std::int64_t batches_ = 8;
  std::set<std::string> never_zero_;  // weights none of whose outputs is
};

}  // namespace espalier::pruning
