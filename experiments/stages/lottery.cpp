#include "experiments/stages/lottery.h"

#include <algorithm>
#include <cmath>

#include "experiments/about.h"
#include "experiments/config/clone.h"
#include "experiments/experiment_config.h"
#include "experiments/reporter.h"
#include "experiments/run_directory.h"
#include "experiments/stages/complete_stage.h"
#include "experiments/stages/scoring_batches.h"
#include "experiments/stages/watch_pruner.h"
#include "framework/core/error.h"
#include "framework/nn/init.h"
#include "framework/train/checkpoint.h"
#include "pruning/policies/rewind.h"

namespace espalier {
namespace {

std::filesystem::path snapshot_path(const StageContext& context) {
  return context.directory.path() / LotteryStage::kSnapshot;
}

void save_snapshot(const StageContext& context) {
  train::save_checkpoint(snapshot_path(context),
                         {about_stage(context), context.model.state_dict(), std::nullopt});
}

// Saves the weights of one step.
class Snapshot : public train::Callback {
 public:
  Snapshot(const StageContext& context, std::int64_t step) : context_(context), step_(step) {}

  void on_step(const train::StepReport& report) override {
    if (report.progress.step == step_) save_snapshot(context_);
  }

 private:
  const StageContext& context_;
  std::int64_t step_;
};

// NaN and Inf are null in JSON.
std::optional<double> figure(const nlohmann::ordered_json& result, const char* key) {
  const auto found = result.find(key);
  return found != result.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

void add_round(StageResult& whole, const nlohmann::ordered_json& round) {
  whole.rounds.push_back(round);
  whole.epochs += round.at("epochs").get<std::int64_t>();
  whole.steps += round.at("steps").get<std::int64_t>();
  whole.wall_seconds += round.at("wall_seconds").get<double>();
  whole.test_accuracy_percent = figure(round, "test_accuracy");
  whole.test_loss = figure(round, "test_loss");
  whole.validation_accuracy_percent = figure(round, "validation_accuracy");
}

}  // namespace

void LotteryStage::fields(FieldVisitor& v) {
  TrainStage::fields(v);
  v.field("rounds", rounds_, "of pruning, after the dense one", {0, 99});
  v.field("share", share_, "of the weights left that each round prunes", {0.0, 0.999});
  v.field("sparsity", sparsity_, "that the last round reaches, whatever share says; 0: share decides",
          {0.0, 1.0});
  v.field("start", start_, "a round's weights: those of rewind_step, those just trained, or new random ones",
          {"rewind", "continue", "reinitialise"});
  v.field("rewind_step", rewind_step_,
          "optimizer step of the dense round that rewinding goes back to; 0: its start", {0});
  v.field("shuffle", shuffle_, "permute each layer's mask: as many weights, at random places");
  v.field("retrain_lr", retrain_lr_,
          "factor of the learning rate in the rounds after the dense one: below 1, fine-tuning", {0.0, 1e6});
  v.table("ticket", ticket_, "which weights go");
}

void LotteryStage::Ticket::fields(FieldVisitor& v) { settings.selection_fields(v); }

bool LotteryStage::decides_later_rounds(std::string_view key) {
  // The step to rewind to is not among them: its weights are saved in the first round.
  constexpr std::string_view kKeys[] = {"rounds", "share", "sparsity", "start", "shuffle", "retrain_lr"};
  return key.starts_with("ticket.") || std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

void LotteryStage::rehearse(const StageInputs& inputs) const {
  TrainStage::rehearse(inputs);
  const std::string& label = inputs.config.stages[inputs.index].label();
  const std::int64_t steps = steps_of_training(inputs);
  if (start_ == "rewind" && rewind_step_ > steps) {
    fail(ErrorKind::usage, label, "rewind_step {} lies beyond the {} steps of a round", rewind_step_, steps);
  }
  if (shrink_)
    fail(ErrorKind::usage, label, "shrink would take the ticket from the network; shrink in a later stage");
  if (shuffle_ && start_ == "continue" && (rounds_ > 1 || ticket_.settings.rounds > 1)) {
    fail(ErrorKind::usage, label,
         "shuffle lets weights live that an earlier round has pruned, and start \"continue\" would go on "
         "from their 0; use start \"rewind\" or \"reinitialise\"");
  }
  if (rounds_ == 0) return;
  const pruning::PrunerSettings settings = ticket_of(1);
  if (shuffle_ && settings.granularity_kind != "element") {
    fail(ErrorKind::usage, label,
         "shuffle would break up the units of granularity '{}'; use granularity 'element'",
         settings.granularity_kind);
  }
  pruning::Pruner(ticket_of(1), inputs.model.parameters(), 0);
}

StageResult LotteryStage::run(StageContext& context) const {
  if (rewind_step_ == 0 && !train::is_checkpoint(snapshot_path(context))) save_snapshot(context);
  Snapshot snapshot(context, rewind_step_);
  StageResult whole;
  std::int64_t metrics_bytes = 0;  // of the rounds that are complete
  for (std::int64_t round = 0; round <= rounds_; ++round) {
    StageDirectory directory = context.directory.round(round);
    StageContext inner{context, fmt::format("{} {}", context.label, round), directory, context.reporter};
    if (directory.is_complete()) {
      context.reporter.line(fmt::format("{}: done before", inner.label));
      const train::Checkpoint checkpoint = train::load_checkpoint(directory.final_checkpoint());
      expect_dataset(checkpoint, directory.final_checkpoint(), context.data);
      train::load_model_tensors(context.model, checkpoint.model);
    } else {
      if (round > 0 && !directory.is_under_way()) {
        directory.metrics().truncate(metrics_bytes);
        draw_ticket(inner, round, snapshot_path(context));
      }
      const RoundOptions dense = {.callback = &snapshot},
                         pruned = {.lr_factor = retrain_lr_,
                                   .begin_step = start_ == "rewind" ? rewind_step_ : 0};
      complete_stage(inner, "train", train(inner, round == 0 ? dense : pruned));
    }
    const nlohmann::ordered_json result = directory.result();
    metrics_bytes = result.value("metrics_bytes", std::int64_t{0});
    add_round(whole, result);
  }
  return whole;
}

double LotteryStage::sparsity_after(std::int64_t round) const {
  if (round == rounds_ && sparsity_ > 0.0) return sparsity_;
  const double share =
      sparsity_ > 0.0 ? 1.0 - std::pow(1.0 - sparsity_, 1.0 / static_cast<double>(rounds_)) : share_;
  return 1.0 - std::pow(1.0 - share, static_cast<double>(round));
}

pruning::PrunerSettings LotteryStage::ticket_of(std::int64_t round) const {
  pruning::PrunerSettings settings = std::move(clone_settings(ticket_).settings);
  settings.sparsity = sparsity_after(round);
  return settings;
}

void LotteryStage::draw_ticket(StageContext& context, std::int64_t round,
                               const std::filesystem::path& snapshot) const {
  const ScoringBatches scoring(context.model, context.data, context.config, 0.0);
  pruning::Pruner pruner(ticket_of(round), context.model.parameters(), 0);
  pruner.set_data(&scoring.data());
  watch_pruner(context, pruner);
  pruner.start();
  const auto seed = static_cast<std::uint64_t>(context.config.seed * 1000 + round);
  if (shuffle_) pruning::shuffle_masks_(context.model.parameters(), seed);
  if (start_ == "rewind") {
    pruning::rewind_(context.model, train::load_checkpoint(snapshot).model);
  } else if (start_ == "reinitialise") {
    nn::initialise(context.model, seed);
  }
}

}  // namespace espalier
