// Training, with pruning inside the optimizer step where the config asks for it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "experiments/stages/distillation.h"
#include "experiments/stages/stage.h"
#include "framework/optim/lr_schedule.h"
#include "framework/optim/registry.h"
#include "framework/train/callback.h"
#include "pruning/pruner.h"

namespace espalier {

// What a stage that trains in rounds changes about one.
struct RoundOptions {
  train::Callback* callback = nullptr;  // called before the state is saved
  double lr_factor = 1.0;
  // Where in the course of the stage it begins: learning rate, images, dropout and pruners are those of this
  // step and the ones after it, until the same end. Moments and averages begin anew.
  std::int64_t begin_step = 0;
};

class TrainStage : public Stage {
 public:
  void fields(FieldVisitor& v) override;
  void rehearse(const StageInputs& inputs) const override;
  bool rebuilds_model() const override { return shrink_; }
  StageResult run(StageContext& context) const override { return train(context, {}); }

 protected:
  // Trains from where the stage's directory stands.
  StageResult train(StageContext& context, const RoundOptions& round) const;

  std::int64_t steps_of_training(const StageInputs& inputs) const;

  std::int64_t epochs_ = 30;
  std::string optimizer_kind_ = "sgd";
  std::unique_ptr<optim::OptimizerSpec> optimizer_;
  std::string schedule_kind_ = "one_cycle";
  std::unique_ptr<optim::LrSchedule> schedule_;
  double label_smoothing_ = 0.0;
  Distillation distill_;
  double ema_decay_ = 0.0;
  bool shrink_ = false;
  // Settings are described by their fields, which are not const; run() only reads them.
  mutable std::vector<pruning::PrunerSettings> prune_;

 private:
  // Nothing: the model was shrunk, and the rest of the training is to be done with it.
  std::optional<StageResult> train_until_shrunk(StageContext& context, const RoundOptions& round) const;
};

}  // namespace espalier
