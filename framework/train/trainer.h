// The training loop.
//
//   train::Trainer trainer(model, optimizer, *schedule, loss, loader, {.epochs = 30, .seed = 1});
//   trainer.add_callback(&metrics_file);
//   trainer.run();
#pragma once

#include <cstdint>
#include <vector>

#include "framework/nn/module.h"
#include "framework/optim/lr_schedule.h"
#include "framework/optim/optimizer.h"
#include "framework/train/batch.h"
#include "framework/train/callback.h"
#include "framework/train/evaluate.h"

namespace espalier::train {

enum class Outcome { finished, stopped, paused };

struct TrainerSettings {
  std::int64_t epochs = 1;
  std::uint64_t seed = 0;  // of dropout
  double lr_factor = 1.0;  // multiplies the learning rate throughout
};

class Trainer {
 public:
  // Keeps references to everything it is given.
  Trainer(nn::Module& model, optim::Optimizer& optimizer, const optim::LrSchedule& schedule, Loss loss,
          BatchSource& source, const TrainerSettings& settings);

  void add_callback(Callback* callback) { callbacks_.push_back(callback); }

  // Trains from where progress() stands to the last epoch, or until stop_requested(): then the step under way
  // is finished first. Throws Error (not_finite) naming step, operation and layer, before a weight changes,
  // when a loss or gradient is NaN or Inf.
  Outcome run();
  // Ends run() when the epoch under way is done and its callbacks have been called: one of them may ask for it
  // who rebuilds the model, which a new trainer and optimizer then go on with.
  void pause() { pause_ = true; }

  const Progress& progress() const { return progress_; }
  void set_progress(const Progress& progress) { progress_ = progress; }
  std::int64_t total_steps() const { return settings_.epochs * source_.batches(); }
  std::int64_t epochs() const { return settings_.epochs; }

 private:
  // False when training was asked to stop before the epoch's end.
  bool run_epoch();
  void step(const Batch& batch);
  // Repeats the step in search of the first NaN or Inf, and throws what it finds.
  [[noreturn]] void explain_not_finite(const Batch& batch, const std::string& symptom);

  nn::Module& model_;
  optim::Optimizer& optimizer_;
  const optim::LrSchedule& schedule_;
  Loss loss_;
  BatchSource& source_;
  TrainerSettings settings_;
  std::vector<Callback*> callbacks_;
  Progress progress_;
  bool pause_ = false;
};

}  // namespace espalier::train
