// Soft movement: every weight has a score S, trained by an optimizer of its own, and lives while sigmoid(S)
// is above a threshold. How many go is not prescribed: a penalty pushes scores down, the loss pulls those up
// whose weights it moves away from zero. The pruner's sparsity is the most that may go.
//
//   dL/dS = w dL/dw + penalty / n * r * d sigmoid(S) / dS         S by Adam, from 0; n weights in the layer
//   alive while sigmoid(S) >= threshold * r
//
// r rises from 0 to 1, cubically, after the warm-up and until the cool-down. Sanh, Wolf and Rush, "Movement
// pruning: adaptive sparsity by fine-tuning", NeurIPS 2020. There a pruned weight keeps its value behind the
// mask and may return; here it is 0, as the mask contract wants, and what is gone stays gone. The penalty is
// each layer's, where the authors' code divides it by their number, too: its 400 for the 72 matrices of
// BERT-base is a penalty of 5.6.
#pragma once

#include <map>

#include "pruning/criteria/criterion.h"

namespace espalier::pruning {

class SoftMovement : public Criterion {
 public:
  void fields(FieldVisitor& v) override;
  // sigmoid(S)
  Tensor scores(const nn::Parameter& parameter) override;
  std::optional<float> threshold() const override;
  bool learns_from_training() const override { return true; }
  void begin(std::int64_t total_steps) override;
  void observe(const optim::StepInfo& info, std::span<nn::Parameter* const> parameters) override;
  std::vector<std::pair<std::string, Tensor>> state() override;
  void load_state(const std::vector<std::pair<std::string, Tensor>>& state) override;

 private:
  struct Scores {
    Tensor score, mean, square;  // of the parameter's shape; Adam's moments
  };

  // r after so many steps.
  double ramp(std::int64_t done) const;
  Scores& of(const std::string& name, const Shape& shape);

  double lr_ = 0.01, threshold_ = 0.1, penalty_ = 10.0, warmup_ = 0.1, cooldown_ = 0.3;
  std::int64_t total_steps_ = 0, done_ = 0;
  std::map<std::string, Scores> scores_;  // by parameter
};

}  // namespace espalier::pruning
