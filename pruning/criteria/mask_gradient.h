// The gradient of a mask variable: how fast the loss changes as a head is faded out,
//
//   I = mean over batches of |dL/dxi|,   xi = 1 multiplies the head's output
//
// No such variable is needed: the layer behind the head computes W (xi h), so dL/dxi is the sum of w dL/dw
// over the columns of W that read the head. In the same way for a neuron, for a channel, and for a branch,
// whose last layer it multiplies. Dropout is off. Michel, Levy and Neubig, "Are sixteen heads really better
// than one?", NeurIPS 2019 (arXiv:1905.10650), where L is the loss of one example, here that of a batch.
#pragma once

#include <map>

#include "pruning/criteria/criterion.h"

namespace espalier::pruning {

class MaskGradient : public Criterion {
 public:
  void fields(FieldVisitor& v) override;
  bool needs_data() const override { return true; }
  bool scores_structures() const override { return true; }
  bool compares_within_layers() const override { return normalise_ == "layer"; }
  void measure(const ScoringData& data, std::span<nn::Parameter* const> targets) override;
  Tensor structure_scores(const std::vector<MaskVariable>& variables) override;
  // There is none of a single weight: throws Error (usage).
  Tensor scores(const nn::Parameter& parameter) override;

 private:
  std::int64_t batches_ = 16;
  std::string normalise_ = "none";
  // Of each parameter, the sums of w dL/dw along its columns: a batch after the other, [batches_, columns].
  std::map<std::string, std::vector<double>> column_sums_;
};

}  // namespace espalier::pruning
