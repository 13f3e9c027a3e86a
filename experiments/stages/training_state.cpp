#include "experiments/stages/training_state.h"

#include <algorithm>

#include "experiments/about.h"
#include "experiments/experiment_config.h"
#include "experiments/measure.h"
#include "experiments/reporter.h"
#include "experiments/run_directory.h"
#include "experiments/stages/removal.h"
#include "experiments/stages/tested.h"
#include "experiments/stages/watch_pruner.h"
#include "framework/core/error.h"
#include "framework/nn/execution.h"
#include "pruning/combinations.h"

namespace espalier {
namespace {

void add_prefixed(NamedTensors& all, const std::string& prefix, const NamedTensors& some) {
  for (const auto& [name, tensor] : some) all.emplace_back(prefix + name, tensor);
}

NamedTensors with_prefix(const NamedTensors& all, const std::string& prefix) {
  NamedTensors some;
  for (const auto& [name, tensor] : all) {
    if (name.starts_with(prefix)) some.emplace_back(name.substr(prefix.size()), tensor);
  }
  return some;
}

// Biases, scales, running means.
NamedTensors vectors_of(nn::Module& model) {
  NamedTensors vectors;
  for (const auto& [name, tensor] : model.state_dict()) {
    if (tensor.rank() == 1) vectors.emplace_back(name, tensor.clone());
  }
  return vectors;
}

// What removed channels still gave was added to the vectors of what reads them: to their averages, too.
void add_changes(const NamedTensors& before, const NamedTensors& after, NamedTensors& averages) {
  const auto find = [](const NamedTensors& all, const std::string& name) {
    return std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.first == name; });
  };
  for (auto& [name, average] : averages) {
    const auto old = find(before, name), now = find(after, name);
    if (old == before.end() || now == after.end()) continue;
    for (std::int64_t i = 0; i < average.numel(); ++i)
      average.data()[i] += now->second.data()[i] - old->second.data()[i];
  }
}

std::string prune_prefix(std::size_t index) { return fmt::format("prune.{}.", index); }

double density_of(nn::Module& model) {
  std::int64_t kept = 0;
  for (const nn::Parameter* parameter : model.parameters()) kept += parameter->nonzeros();
  return static_cast<double>(kept) / static_cast<double>(model.parameter_count());
}

// "sparse 17/16/17 of 20": convolutions that multiplied kept weights only, forward, backward data, backward
// weights.
std::string describe(const nn::SparseLayers& passes) {
  return fmt::format("sparse {}/{}/{} of {}", passes.forward, passes.backward_data, passes.backward_weights,
                     passes.layers);
}

}  // namespace

TrainingState::TrainingState(StageContext& context, optim::Optimizer& optimizer, train::Trainer& trainer)
    : context_(context), optimizer_(optimizer), trainer_(trainer) {}

void TrainingState::add_pruner(pruning::PrunerSettings settings, const pruning::ScoringData& data) {
  const std::vector<nn::Parameter*>& parameters = optimizer_.parameters();
  pruners_.push_back(
      std::make_unique<pruning::Pruner>(std::move(settings), parameters, trainer_.total_steps()));
  pruners_.back()->set_data(&data);
  for (std::size_t earlier = 0; earlier + 1 < pruners_.size(); ++earlier)
    pruning::refuse_rivals(*pruners_[earlier], *pruners_.back());
  watch_pruner(context_, *pruners_.back());
  optimizer_.add_hook(pruners_.back().get());
}

void TrainingState::average_weights(double decay) {
  ema_ = std::make_unique<optim::Ema>(context_.model, decay);
}

void TrainingState::begin_or_resume(const std::optional<train::Checkpoint>& checkpoint,
                                    std::int64_t begin_step) {
  first_ = {.epoch = begin_step / steps_per_epoch(),
            .batch = begin_step % steps_per_epoch(),
            .step = begin_step,
            .metrics = {}};
  optimizer_.begin_at(begin_step);
  if (checkpoint) {
    load(*checkpoint);
    const train::Progress& at = trainer_.progress();
    context_.reporter.line(
        fmt::format("{}: resumed in epoch {}, batch {}", context_.label, at.epoch + 1, at.batch));
    return;
  }
  trainer_.set_progress(first_);
  if (begin_step == 0) {
    for (const auto& pruner : pruners_) pruner->start();
  }
  optimizer_.enforce_masks();
}

NamedTensors TrainingState::tensors() {
  NamedTensors all;
  add_prefixed(all, "optimizer.", optimizer_.state());
  if (ema_) add_prefixed(all, "ema.", ema_->state());
  for (std::size_t i = 0; i < pruners_.size(); ++i) add_prefixed(all, prune_prefix(i), pruners_[i]->state());
  return all;
}

nlohmann::json TrainingState::about() const {
  nlohmann::json about = about_stage(context_);
  about["progress"] = progress_to_json(trainer_.progress());
  about["wall_seconds"] = wall_seconds();
  if (validation_accuracy_percent_) about["validation_accuracy"] = *validation_accuracy_percent_;
  if (!shrunk_.is_null()) about["shrunk"] = shrunk_;
  return about;
}

void TrainingState::save() {
  context_.directory.save_progress(trainer_.progress().step,
                                   {about(), train::model_tensors(context_.model), tensors()});
  saved_ = Clock::now();
}

bool TrainingState::masks_are_final() const {
  return std::none_of(pruners_.begin(), pruners_.end(),
                      [&](const auto& pruner) { return pruner->works_after(trainer_.progress().step); });
}

void TrainingState::shrink() {
  // Of the model as it is now: moments are held where its masks keep weights.
  const NamedTensors moments = optimizer_.state(), averages = ema_ ? ema_->state() : NamedTensors(),
                     vectors = vectors_of(context_.model);
  const Removal removal = remove_masked(context_);
  shrunk_ = removal.figures;
  NamedTensors left = removal.shrunk.select(averages), state;
  add_changes(removal.shrunk.select(vectors), vectors_of(context_.model), left);
  add_prefixed(state, "optimizer.", removal.shrunk.select(moments));
  add_prefixed(state, "ema.", left);
  context_.directory.save_progress(trainer_.progress().step,
                                   {about(), train::model_tensors(context_.model), std::move(state)});
  trainer_.pause();
}

bool TrainingState::has_shrunk(const train::Checkpoint& checkpoint) {
  return checkpoint.about.contains("shrunk");
}

void TrainingState::load(const train::Checkpoint& checkpoint) {
  const nlohmann::json& about = checkpoint.about;
  if (about_value<std::string>(about, "config_hash") != config_hash(context_.config))
    fail(ErrorKind::integrity, "checkpoint",
         "the checkpoint belongs to another experiment than its run directory");
  expect_dataset(checkpoint, context_.directory.path(), context_.data);
  if (!checkpoint.state) fail(ErrorKind::integrity, "checkpoint", "the state of training is missing");
  const train::Progress progress = progress_from_json(about_value<nlohmann::json>(about, "progress"));
  if (progress.epoch > trainer_.epochs() || progress.batch > steps_per_epoch() ||
      progress.step != progress.epoch * steps_per_epoch() + progress.batch || progress.step < first_.step) {
    fail(ErrorKind::integrity, "checkpoint", "epoch {}, batch {}, step {} is no position of this training",
         progress.epoch, progress.batch, progress.step);
  }
  train::load_model_tensors(context_.model, checkpoint.model);
  for (std::size_t i = 0; i < pruners_.size(); ++i)
    pruners_[i]->load_state(with_prefix(*checkpoint.state, prune_prefix(i)));
  optimizer_.load_state(with_prefix(*checkpoint.state, "optimizer."), progress.step);
  if (ema_) ema_->load_state(with_prefix(*checkpoint.state, "ema."), progress.step - first_.step);
  optimizer_.check_masks();
  trainer_.set_progress(progress);
  earlier_seconds_ = about_value<double>(about, "wall_seconds");
  if (has_shrunk(checkpoint)) shrunk_ = about_value<nlohmann::ordered_json>(about, "shrunk");
  if (about.contains("validation_accuracy"))
    validation_accuracy_percent_ = about_value<double>(about, "validation_accuracy");
  context_.directory.metrics().truncate(about_value<std::int64_t>(about, "metrics_bytes"));
}

void TrainingState::on_step(const train::StepReport& report) {
  if (ema_) ema_->update();
  const CheckpointSettings& interval = context_.config.checkpoint;
  const std::chrono::duration<double> since = Clock::now() - saved_;
  const bool by_steps = interval.every_steps > 0 && report.progress.step % interval.every_steps == 0;
  const bool by_time = interval.every_minutes > 0.0 && since.count() >= 60.0 * interval.every_minutes;
  if (by_steps || by_time) save();
}

void TrainingState::on_epoch_end(const train::EpochReport& report) {
  nlohmann::ordered_json line = {{"stage", context_.label},
                                 {"epoch", report.epoch},
                                 {"step", report.progress.step},
                                 {"lr", report.lr},
                                 {"train_loss", report.training.loss()},
                                 {"train_accuracy", report.training.accuracy_percent()},
                                 {"density", density_of(context_.model)},
                                 {"seconds", report.seconds}};
  // Of the last training batch: evaluation will call them again.
  const nn::SparseLayers passes = nn::sparse_layers(context_.model);
  line["sparse_layers"] = {{"forward", passes.forward},
                           {"backward_data", passes.backward_data},
                           {"backward_weights", passes.backward_weights},
                           {"of", passes.layers}};
  execution_log_.report(context_.model, context_.label, context_.reporter);
  std::string text =
      fmt::format("{}  epoch {}/{}  loss {:.4f}  accuracy {:.2f}%", context_.label, report.epoch,
                  trainer_.epochs(), report.training.loss(), report.training.accuracy_percent());
  const auto add = [&](const char* name, const std::shared_ptr<const datasets::Dataset>& images) {
    const optim::AveragedWeights averaged(ema_.get());
    const train::Metrics metrics = measure(context_.model, images, context_.data.normalisation,
                                           context_.config.evaluate, context_.config.activation_type());
    line[fmt::format("{}_loss", name)] = metrics.loss();
    line[fmt::format("{}_accuracy", name)] = metrics.accuracy_percent();
    text += fmt::format("  {} {:.2f}%", name, metrics.accuracy_percent());
    return metrics.accuracy_percent();
  };
  if (context_.data.validation) validation_accuracy_percent_ = add("validation", context_.data.validation);
  if (context_.config.evaluate.test_every_epoch) add("test", context_.data.test);
  if (!pruners_.empty() || !shrunk_.is_null()) {
    text += fmt::format("  density {:.1f}%  {}", 100.0 * density_of(context_.model), describe(passes));
  }
  context_.directory.metrics().append(line);
  context_.reporter.line(text + "  " + format_seconds(report.seconds));
  if (shrink_when_final_ && shrunk_.is_null() && masks_are_final()) return shrink();
  save();
}

double TrainingState::wall_seconds() const {
  return earlier_seconds_ + std::chrono::duration<double>(Clock::now() - begin_).count();
}

StageResult TrainingState::finish() {
  if (ema_) ema_->swap();  // for good
  StageResult result = tested(context_);
  result.epochs = trainer_.epochs() - first_.epoch;
  result.steps = trainer_.progress().step - first_.step;
  if (first_.step > 0) result.details["begin_step"] = first_.step;
  result.validation_accuracy_percent = validation_accuracy_percent_;
  result.wall_seconds = wall_seconds();
  if (!shrunk_.is_null()) result.details["shrink"] = shrunk_;
  return result;
}

}  // namespace espalier
