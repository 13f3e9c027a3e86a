#include "experiments/stages/lottery.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "experiments/about.h"
#include "experiments/config/clone.h"
#include "experiments/experiment_config.h"
#include "experiments/reporter.h"
#include "experiments/run_directory.h"
#include "experiments/stages/complete_stage.h"
#include "experiments/stages/scoring_batches.h"
#include "experiments/stages/watch_pruner.h"
#include "framework/core/error.h"
#include "framework/core/suggest.h"
#include "framework/nn/init.h"
#include "framework/train/checkpoint.h"
#include "pruning/policies/rewind.h"

namespace espalier {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char *kShuffle = "shuffle", *kReinitialise = "reinitialise";
const std::vector<std::string> kControls = {kShuffle, kReinitialise};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::uint64_t seed_of(const StageContext& context, std::int64_t round) {
  return static_cast<std::uint64_t>(context.config.seed * 1000 + round);
}

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

void load_trained(StageContext& context, const StageDirectory& directory) {
  const train::Checkpoint checkpoint = train::load_checkpoint(directory.final_checkpoint());
  expect_dataset(checkpoint, directory.final_checkpoint(), context.data);
  train::load_model_tensors(context.model, checkpoint.model);
}

// NaN and Inf are null in JSON.
std::optional<double> figure(const Json& result, const char* key) {
  const auto found = result.find(key);
  return found != result.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

void add_cost(StageResult& whole, const Json& part) {
  whole.epochs += part.at("epochs").get<std::int64_t>();
  whole.steps += part.at("steps").get<std::int64_t>();
  whole.wall_seconds += part.at("wall_seconds").get<double>();
}

void add_round(StageResult& whole, const Json& round) {
  whole.rounds.push_back(round);
  add_cost(whole, round);
  whole.test_accuracy_percent = figure(round, "test_accuracy");
  whole.test_loss = figure(round, "test_loss");
  whole.validation_accuracy_percent = figure(round, "validation_accuracy");
}

void add_control(StageResult& whole, std::int64_t round, const std::string& name, const Json& result) {
  Json control = {{"round", round}, {"control", name}};
  control.update(result);
  whole.details["controls"].push_back(control);
  add_cost(whole, result);
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
  v.field(
      "controls", controls_,
      "trained after the rounds: a ticket's mask shuffled (shuffle), new weights under it (reinitialise)");
  v.field("control_rounds", control_rounds_, "whose tickets have controls; none: the last round's", {1, 99});
  v.table("ticket", ticket_, "which weights go");
}

void LotteryStage::Ticket::fields(FieldVisitor& v) { settings.selection_fields(v); }

bool LotteryStage::decides_later_rounds(std::string_view key) {
  // The step to rewind to is not among them: its weights are saved in the first round.
  constexpr std::string_view kKeys[] = {"rounds",  "share",      "sparsity", "start",
                                        "shuffle", "retrain_lr", "controls", "control_rounds"};
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
  check_controls(label);
  if (rounds_ == 0) return;
  const pruning::PrunerSettings settings = ticket_of(1);
  if ((shuffle_ || contains(controls_, kShuffle)) && settings.granularity_kind != "element") {
    fail(ErrorKind::usage, label,
         "shuffle would break up the units of granularity '{}'; use granularity 'element'",
         settings.granularity_kind);
  }
  const pruning::Pruner pruner(ticket_of(1), inputs.model.parameters(), 0);
  pruner.check_network({inputs.model, inputs.data.train->image_shape(), {}});
}

std::set<std::int64_t> LotteryStage::controlled_rounds() const {
  if (controls_.empty()) return {};
  if (control_rounds_.empty()) return {rounds_};
  return {control_rounds_.begin(), control_rounds_.end()};
}

void LotteryStage::check_controls(const std::string& label) const {
  for (const std::string& control : controls_) {
    if (contains(kControls, control)) continue;
    fail(ErrorKind::usage, label, "there is no control '{}'{} (known: {})", control,
         did_you_mean(control, kControls), fmt::join(kControls, ", "));
  }
  for (const std::int64_t round : controlled_rounds()) {
    if (round < 1 || round > rounds_)
      fail(ErrorKind::usage, label, "there is no ticket of round {} to control: rounds is {}", round,
           rounds_);
  }
  if (!controls_.empty() && (start_ != "rewind" || shuffle_))
    fail(ErrorKind::usage, label, "controls are of rewound tickets: use start 'rewind', without shuffle");
}

StageResult LotteryStage::run(StageContext& context) const {
  if (rewind_step_ == 0 && !train::is_checkpoint(snapshot_path(context))) save_snapshot(context);
  std::int64_t metrics_bytes = 0;  // of the trainings that are complete
  // Loads what is complete, trains what is not: from where it stands, or else from what `begin` draws.
  const auto trained = [&](StageDirectory directory, const std::string& label, const RoundOptions& options,
                           const std::function<void(StageContext&)>& begin) {
    StageContext inner{context, label, directory, context.reporter};
    if (directory.is_complete()) {
      context.reporter.line(fmt::format("{}: done before", label));
      load_trained(context, directory);
    } else {
      if (begin != nullptr && !directory.is_under_way()) {
        directory.metrics().truncate(metrics_bytes);
        begin(inner);
      }
      complete_stage(inner, "train", train(inner, options));
    }
    Json result = directory.result();
    metrics_bytes = result.value("metrics_bytes", std::int64_t{0});
    return result;
  };

  Snapshot snapshot(context, rewind_step_);
  StageResult whole;
  add_round(whole, trained(context.directory.round(0), fmt::format("{} 0", context.label),
                           {.callback = &snapshot}, nullptr));
  const std::int64_t rewound_to = start_ == "rewind" ? rewind_step_ : 0;
  for (std::int64_t round = 1; round <= rounds_; ++round) {
    add_round(whole, trained(context.directory.round(round), fmt::format("{} {}", context.label, round),
                             {.lr_factor = retrain_lr_, .begin_step = rewound_to}, [&](StageContext& inner) {
                               draw_ticket(inner, round, snapshot_path(context));
                             }));
  }
  for (const std::int64_t round : controlled_rounds()) {
    for (const std::string& control : kControls) {
      if (!contains(controls_, control)) continue;
      const RoundOptions options = {.lr_factor = retrain_lr_,
                                    .begin_step = control == kShuffle ? rewound_to : 0};
      add_control(whole, round, control,
                  trained(context.directory.control(round, control),
                          fmt::format("{} {} {}", context.label, round, control), options,
                          [&](StageContext&) { draw_control(context, round, control); }));
    }
  }
  if (!controls_.empty()) load_trained(context, context.directory.round(rounds_));
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
  const std::uint64_t seed = seed_of(context, round);
  if (shuffle_) pruning::shuffle_masks_(context.model.parameters(), seed);
  if (start_ == "rewind") {
    pruning::rewind_(context.model, train::load_checkpoint(snapshot).model);
  } else if (start_ == "reinitialise") {
    nn::initialise(context.model, seed);
  }
}

void LotteryStage::draw_control(StageContext& context, std::int64_t round, const std::string& control) const {
  load_trained(context, context.directory.round(round));  // for its masks
  const std::uint64_t seed = seed_of(context, round);
  if (control == kReinitialise) return pruning::reinitialise_(context.model, seed);
  pruning::shuffle_masks_(context.model.parameters(), seed);
  pruning::rewind_(context.model, train::load_checkpoint(snapshot_path(context)).model);
}

}  // namespace espalier
