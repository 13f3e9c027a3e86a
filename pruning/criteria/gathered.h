// What criteria share that learn from training: one number a weight, gathered before every update.
#pragma once

#include <map>

#include "pruning/criteria/criterion.h"

namespace espalier::pruning {

class Gathered : public Criterion {
 public:
  Tensor scores(const nn::Parameter& parameter) override;
  // Unless gather() makes nothing of a weight of 0.
  bool reads_pruned_gradients() const override { return true; }
  bool learns_from_training() const override { return true; }
  void observe(const optim::StepInfo& info, std::span<nn::Parameter* const> parameters) override;
  std::vector<std::pair<std::string, Tensor>> state() override;
  void load_state(const std::vector<std::pair<std::string, Tensor>>& state) override;

 protected:
  // What has been gathered for a weight, from what had been before, the weight and its gradient.
  virtual float gather(float before, float weight, float gradient) const = 0;

 private:
  std::map<std::string, Tensor> gathered_;  // by parameter
};

}  // namespace espalier::pruning
