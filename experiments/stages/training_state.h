// The state of a training stage beside the weights: moments, pruners, averages and the position. Writes it to
// checkpoints at the intervals of the config, and reads it back; measures each epoch.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "experiments/stages/execution_log.h"
#include "experiments/stages/stage.h"
#include "framework/optim/ema.h"
#include "framework/optim/optimizer.h"
#include "framework/tensor/named_tensors.h"
#include "framework/train/callback.h"
#include "framework/train/checkpoint.h"
#include "framework/train/trainer.h"
#include "pruning/pruner.h"

namespace espalier {

class TrainingState : public train::Callback {
 public:
  TrainingState(StageContext& context, optim::Optimizer& optimizer, train::Trainer& trainer);

  // In the same order whenever the stage is resumed. `data` must outlive this.
  void add_pruner(pruning::PrunerSettings settings, const pruning::ScoringData& data);
  void average_weights(double decay);
  // Once the masks are final, at the end of an epoch: the model, its moments and its averages shrink, and the
  // trainer pauses, for all else is of the old model. Who goes on resumes from the checkpoint.
  void shrink_when_final() { shrink_when_final_ = true; }
  // Of a stage that has shrunk its model: its pruners have no more to do.
  static bool has_shrunk(const train::Checkpoint& checkpoint);

  // Goes on from the stage's newest checkpoint. Where there is none, training begins at `begin_step`: at 0 with
  // what pruners do at their start, later with the masks that the model has.
  void begin_or_resume(const std::optional<train::Checkpoint>& checkpoint, std::int64_t begin_step);
  void save();
  // Makes averaged weights the model's, measures it and says what the stage came to.
  StageResult finish();

  void on_step(const train::StepReport& report) override;
  void on_epoch_end(const train::EpochReport& report) override;

 private:
  using Clock = std::chrono::steady_clock;

  std::int64_t steps_per_epoch() const { return trainer_.total_steps() / trainer_.epochs(); }
  NamedTensors tensors();
  // What a checkpoint says of the stage as it stands.
  nlohmann::json about() const;
  bool masks_are_final() const;
  void shrink();
  void load(const train::Checkpoint& checkpoint);
  double wall_seconds() const;

  StageContext& context_;
  optim::Optimizer& optimizer_;
  train::Trainer& trainer_;
  std::vector<std::unique_ptr<pruning::Pruner>> pruners_;
  std::unique_ptr<optim::Ema> ema_;
  ExecutionLog execution_log_;
  train::Progress first_;  // where training begins
  Clock::time_point begin_ = Clock::now(), saved_ = Clock::now();
  double earlier_seconds_ = 0.0;  // of attempts that were stopped
  std::optional<double> validation_accuracy_percent_;
  bool shrink_when_final_ = false;
  nlohmann::ordered_json shrunk_;  // figures; null: not yet
};

}  // namespace espalier
