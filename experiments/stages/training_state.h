// The state of a training stage beside the weights: moments, pruners, averages and the position. Writes it to
// checkpoints at the intervals of the config, and reads it back; measures each epoch.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

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

  // Loads the stage's newest checkpoint, or, where there is none, lets the pruners begin.
  void begin_or_resume();
  void save();
  // Makes averaged weights the model's, measures it and says what the stage came to.
  StageResult finish();

  void on_step(const train::StepReport& report) override;
  void on_epoch_end(const train::EpochReport& report) override;

 private:
  using Clock = std::chrono::steady_clock;

  NamedTensors tensors();
  void load(const train::Checkpoint& checkpoint);
  void report_event(const pruning::PruneEvent& event);
  double wall_seconds() const;

  StageContext& context_;
  optim::Optimizer& optimizer_;
  train::Trainer& trainer_;
  std::vector<std::unique_ptr<pruning::Pruner>> pruners_;
  std::unique_ptr<optim::Ema> ema_;
  Clock::time_point begin_ = Clock::now(), saved_ = Clock::now();
  double earlier_seconds_ = 0.0;  // of attempts that were stopped
  std::optional<double> validation_accuracy_percent_;
};

}  // namespace espalier
