#include "experiments/stages/scoring_batches.h"

#include "experiments/experiment_config.h"
#include "framework/ops/cross_entropy.h"

namespace espalier {
namespace {

datasets::LoaderOptions options_of(const StageContext& context) {
  datasets::LoaderOptions options;
  options.batch = context.config.batch;
  options.shuffle = true;
  options.normalisation = context.data.normalisation;
  options.seed = static_cast<std::uint64_t>(context.config.seed);
  return options;
}

}  // namespace

ScoringBatches::ScoringBatches(const StageContext& context, double label_smoothing)
    : loader_(context.data.train, options_of(context)),
      label_smoothing_(static_cast<float>(label_smoothing)),
      data_{context.model, context.data.train->image_shape(),
            [this](std::int64_t i) { return loss_of_batch(i); }} {}

Tensor ScoringBatches::loss_of_batch(std::int64_t i) {
  const std::int64_t in_epoch = i % loader_.batches();
  if (next_ != i || in_epoch == 0) loader_.start(i / loader_.batches(), in_epoch);
  const std::optional<train::Batch> batch = loader_.next();
  next_ = i + 1;
  return ops::cross_entropy(data_.model(batch->images), batch->labels, label_smoothing_);
}

}  // namespace espalier
