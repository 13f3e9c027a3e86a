// SynFlow: how much of the flow from input to output, with all weights positive, passes a weight:
//
//   score = |w dR/dw|,  R = the sum of the outputs of the network with |w|, without biases
//
// for an input of ones: no data. The scores that enter a channel add up to those that leave it, so that in
// rounds no layer collapses before all others have. Tanaka et al., "Pruning neural networks without any data
// by iteratively conserving synaptic flow", NeurIPS 2020: a hundred rounds, exponentially (key `rounds` of
// the pruner). That holds where all layers scale with their input: not behind layer norm, softmax or GELU.
#pragma once

#include "pruning/criteria/measured.h"

namespace espalier::pruning {

class SynFlow : public Measured {
 public:
  void check_network(const ScoringData& data) const override;
  void measure(const ScoringData& data, std::span<nn::Parameter* const> targets) override;
};

}  // namespace espalier::pruning
