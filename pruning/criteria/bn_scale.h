// Batch-norm scale: a filter is worth what the batch norm behind it multiplies it with, |gamma|. In training
// a penalty on all scales, in the step itself, pushes those to 0 that the loss does not hold:
//
//   dL/dgamma += penalty sign(gamma)
//
// Liu et al., "Learning efficient convolutional networks through network slimming", ICCV 2017: train so,
// prune at the end of the stage, fine-tune in a stage without it; one that prunes has penalty = 0. For
// granularity "filter".
#pragma once

#include "pruning/criteria/measured.h"

namespace espalier::pruning {

class BnScale : public Measured {
 public:
  void fields(FieldVisitor& v) override;
  bool scores_filters() const override { return true; }
  bool adds_gradients() const override { return penalty_ > 0.0; }
  void measure(const ScoringData& data, std::span<nn::Parameter* const> targets) override;
  std::string blind_to(const nn::Parameter& parameter) const override;
  // Throws Error (usage) for a weight without a batch norm behind it.
  Tensor scores(const nn::Parameter& parameter) override;
  void observe(const optim::StepInfo& info, std::span<nn::Parameter* const> parameters) override;

 private:
  double penalty_ = 1e-4;
};

}  // namespace espalier::pruning
