#include "experiments/stages/scoring_batches.h"

#include "experiments/experiment_config.h"
#include "framework/ops/cross_entropy.h"
#include "framework/ops/scale.h"

namespace espalier {
namespace {

std::uint64_t seed_of(const ExperimentConfig& config) { return static_cast<std::uint64_t>(config.seed); }

datasets::LoaderOptions options_of(const datasets::Splits& data, const ExperimentConfig& config) {
  datasets::LoaderOptions options;
  options.batch = config.batch;
  options.shuffle = true;
  options.normalisation = data.normalisation;
  options.seed = seed_of(config);
  return options;
}

}  // namespace

ScoringBatches::ScoringBatches(nn::Module& model, const datasets::Splits& data,
                               const ExperimentConfig& config, double label_smoothing)
    : loader_(data.train, options_of(data, config)),
      label_smoothing_(static_cast<float>(label_smoothing)),
      data_{model, data.train->image_shape(),
            [this](std::int64_t i, float temperature) { return loss_of_batch(i, temperature); },
            seed_of(config)} {}

Tensor ScoringBatches::loss_of_batch(std::int64_t i, float temperature) {
  const std::int64_t in_epoch = i % loader_.batches();
  if (next_ != i || in_epoch == 0) loader_.start(i / loader_.batches(), in_epoch);
  const std::optional<train::Batch> batch = loader_.next();
  next_ = i + 1;
  const Tensor logits = ops::scale(data_.model(batch->images), 1.0f / temperature);
  return ops::cross_entropy(logits, batch->labels, label_smoothing_);
}

}  // namespace espalier
