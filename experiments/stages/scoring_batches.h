// Training batches for criteria that run the network at the moment of pruning: the training images in an
// order of their own, without augmentation, and in f32 whatever the precision of training. Scores are taken
// seldom, and decide for good; GraSP's difference of two gradients, of weights that differ by 1e-5, would be
// lost in the rounding of bf16.
#pragma once

#include "datasets/loader.h"
#include "pruning/criteria/criterion.h"

namespace espalier {

struct ExperimentConfig;

class ScoringBatches {
 public:
  // `config` says how many images a batch has, and in which order.
  ScoringBatches(nn::Module& model, const datasets::Splits& data, const ExperimentConfig& config,
                 double label_smoothing);
  ScoringBatches(const ScoringBatches&) = delete;
  ScoringBatches& operator=(const ScoringBatches&) = delete;

  const pruning::ScoringData& data() const { return data_; }

 private:
  // By the model, in the mode that it is in.
  Tensor loss_of_batch(std::int64_t i, float temperature);

  datasets::Loader loader_;
  float label_smoothing_;
  std::int64_t next_ = -1;  // what the loader gives next; -1: it is not started
  pruning::ScoringData data_;
};

}  // namespace espalier
