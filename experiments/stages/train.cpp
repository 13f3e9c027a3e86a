#include "experiments/stages/train.h"

#include <chrono>

#include "datasets/loader.h"
#include "experiments/about.h"
#include "experiments/config/clone.h"
#include "experiments/experiment_config.h"
#include "experiments/reporter.h"
#include "experiments/run_directory.h"
#include "experiments/stages/scoring_batches.h"
#include "experiments/stages/training_state.h"
#include "framework/core/error.h"
#include "framework/train/stop.h"
#include "framework/train/trainer.h"
#include "pruning/combinations.h"

namespace espalier {
namespace {

// Stages of an experiment draw different numbers: other orders of the same images.
std::uint64_t stage_seed(const StageInputs& inputs) {
  return static_cast<std::uint64_t>(inputs.config.seed) + 1'000'003u * inputs.index;
}

datasets::LoaderOptions training_options(const StageInputs& inputs) {
  datasets::LoaderOptions options;
  options.batch = inputs.config.batch;
  options.shuffle = true;
  options.augment = inputs.config.augment;
  options.normalisation = inputs.data.normalisation;
  options.seed = stage_seed(inputs);
  options.precision = inputs.config.activation_type();
  return options;
}

// Before the model takes its shape.
void check_shrunk(const StageContext& context, const train::Checkpoint& checkpoint) {
  expect_dataset(checkpoint, context.directory.path(), context.data);
  const auto figures = about_value<nlohmann::json>(checkpoint.about, "shrunk");
  if (!figures.is_object() || !figures.value("parameters_before", nlohmann::json()).is_number_integer())
    fail(ErrorKind::integrity, "checkpoint", "the manifest's 'shrunk' does not say what went");
}

}  // namespace

void TrainStage::fields(FieldVisitor& v) {
  v.field("epochs", epochs_, "passes over the training images", {1, 100000});
  v.part("optimizer", optimizer_kind_, optimizer_, optim::optimizer_registry(),
         "how gradients change weights");
  v.part("schedule", schedule_kind_, schedule_, optim::lr_schedule_registry(), "the learning rate over time");
  v.field("label_smoothing", label_smoothing_, "share of the target spread over all classes", {0.0, 0.999});
  v.table("distill", distill_, "learning from another network's answers");
  v.field("ema_decay", ema_decay_, "of averaged weights, which evaluation and the result use; 0: none",
          {0.0, 0.999999});
  v.tables("prune", prune_, "pruners that work inside the optimizer step");
  v.field("shrink", shrink_,
          "at the end of the epoch in which the masks become final, remove what they clear: filters, heads, "
          "neurons, branches; the rest of the stage trains the smaller network");
}

std::int64_t TrainStage::steps_of_training(const StageInputs& inputs) const {
  return epochs_ * datasets::Loader(inputs.data.train, training_options(inputs)).batches();
}

void TrainStage::rehearse(const StageInputs& inputs) const {
  distill_.rehearse(inputs);
  if (shrink_ && !distill_.features.layers.empty())
    fail(ErrorKind::usage, inputs.config.stages[inputs.index].label(),
         "shrink may change or remove the layers of distill.features in the middle of the stage; shrink in a "
         "stage of its own");
  const std::int64_t steps = steps_of_training(inputs);
  std::vector<std::unique_ptr<pruning::Pruner>> pruners;
  for (pruning::PrunerSettings& settings : prune_) {
    auto pruner =
        std::make_unique<pruning::Pruner>(clone_settings(settings), inputs.model.parameters(), steps);
    pruner->check_network({inputs.model, inputs.data.train->image_shape(), {}});
    for (const auto& earlier : pruners) pruning::refuse_rivals(*earlier, *pruner);
    pruners.push_back(std::move(pruner));
  }
}

StageResult TrainStage::train(StageContext& context, const RoundOptions& round) const {
  for (;;) {
    if (std::optional<StageResult> result = train_until_shrunk(context, round)) return *result;
  }
}

std::optional<StageResult> TrainStage::train_until_shrunk(StageContext& context,
                                                          const RoundOptions& round) const {
  const std::optional<train::Checkpoint> checkpoint = context.directory.progress();
  const bool has_shrunk = checkpoint && TrainingState::has_shrunk(*checkpoint);
  if (has_shrunk) {
    check_shrunk(context, *checkpoint);
    load_saved(context.model, *checkpoint);
  }
  datasets::Loader loader(context.data.train, training_options(context));
  const std::vector<nn::Parameter*> parameters = context.model.parameters();
  const std::unique_ptr<optim::Optimizer> optimizer = optimizer_->build(parameters);
  train::Trainer trainer(context.model, *optimizer, *schedule_, distill_.loss(context, label_smoothing_),
                         loader,
                         {.epochs = epochs_, .seed = stage_seed(context), .lr_factor = round.lr_factor});

  TrainingState state(context, *optimizer, trainer);
  const ScoringBatches scoring(context.model, context.data, context.config, label_smoothing_);
  for (pruning::PrunerSettings& settings : prune_) {
    if (!has_shrunk) state.add_pruner(clone_settings(settings), scoring.data());
  }
  if (ema_decay_ > 0.0) state.average_weights(ema_decay_);
  if (shrink_) state.shrink_when_final();
  state.begin_or_resume(checkpoint, round.begin_step);

  ProgressLine progress(context.reporter, context.label, epochs_, loader.batches(), trainer.progress().step);
  trainer.add_callback(&progress);
  if (round.callback != nullptr) trainer.add_callback(round.callback);
  trainer.add_callback(&state);
  switch (trainer.run()) {
    case train::Outcome::finished:
      return state.finish();
    case train::Outcome::paused:
      return std::nullopt;
    case train::Outcome::stopped:
      break;
  }
  state.save();
  fail(ErrorKind::stopped, context.label, "stopped in epoch {}, step {}; go on with `espalier resume`",
       trainer.progress().epoch + 1, trainer.progress().step);
}

}  // namespace espalier
