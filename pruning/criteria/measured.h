// What criteria share that run the network at the moment of pruning: a tensor of scores for each parameter.
#pragma once

#include <map>

#include "pruning/criteria/criterion.h"

namespace espalier::pruning {

class Measured : public Criterion {
 public:
  bool needs_data() const override { return true; }
  Tensor scores(const nn::Parameter& parameter) override { return scores_.at(parameter.name); }

 protected:
  // Gradients of the loss, summed over the first batches, are in the parameters afterwards. Batch norm
  // normalises by the batch: before training its running statistics say nothing.
  static void sum_gradients(const ScoringData& data, std::int64_t batches, float temperature = 1.0f) {
    data.model.train();
    data.model.zero_grad();
    for (std::int64_t i = 0; i < batches; ++i) data.loss(i, temperature).backward();
  }

  bool has_scores(const nn::Parameter& parameter) const { return scores_.contains(parameter.name); }
  // One score a weight: score(i) of weight i.
  template <class Score>
  void set_scores(const nn::Parameter& parameter, const Score& score) {
    Tensor scores = Tensor::empty(parameter.value.shape());
    const std::int64_t numel = scores.numel();
    for (std::int64_t i = 0; i < numel; ++i) scores.data()[i] = score(i);
    scores_[parameter.name] = std::move(scores);
  }

 private:
  std::map<std::string, Tensor> scores_;
};

}  // namespace espalier::pruning
