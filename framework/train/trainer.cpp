#include "framework/train/trainer.h"

#include <chrono>
#include <cmath>
#include <utility>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/nn/modules/dropout.h"
#include "framework/train/stop.h"

namespace espalier::train {

Trainer::Trainer(nn::Module& model, optim::Optimizer& optimizer, const optim::LrSchedule& schedule, Loss loss,
                 BatchSource& source, const TrainerSettings& settings)
    : model_(model),
      optimizer_(optimizer),
      schedule_(schedule),
      loss_(std::move(loss)),
      source_(source),
      settings_(settings) {}

Outcome Trainer::run() {
  model_.train();
  while (progress_.epoch < settings_.epochs) {
    if (!run_epoch()) return Outcome::stopped;
    if (std::exchange(pause_, false)) return Outcome::paused;
  }
  return Outcome::finished;
}

bool Trainer::run_epoch() {
  const auto begin = std::chrono::steady_clock::now();
  source_.start(progress_.epoch, progress_.batch);
  while (const std::optional<Batch> batch = source_.next()) {
    step(*batch);
    if (stop_requested()) return false;
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  const Metrics training = progress_.metrics;
  progress_.metrics = {};
  progress_.batch = 0;
  ++progress_.epoch;
  for (Callback* callback : callbacks_) {
    callback->on_epoch_end({progress_, progress_.epoch, training, elapsed.count(), optimizer_.lr()});
  }
  return true;
}

void Trainer::step(const Batch& batch) {
  optimizer_.set_lr(settings_.lr_factor * optimizer_.base_lr() * schedule_.at(progress_.step, total_steps()));
  nn::start_dropout_step(model_, settings_.seed, progress_.step);
  const Tensor logits = model_(batch.images);
  const Tensor loss_tensor = loss_(logits, batch);
  const double loss = double{loss_tensor.item()};
  if (!std::isfinite(loss)) explain_not_finite(batch, fmt::format("the loss is {}", loss));
  loss_tensor.backward();
  try {
    optimizer_.step();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_finite) explain_not_finite(batch, error.what());
    throw;
  }
  optimizer_.zero_grad();

  progress_.metrics.add(loss, logits, batch.labels);
  ++progress_.batch;
  ++progress_.step;
  for (Callback* callback : callbacks_) {
    callback->on_step({progress_, loss, optimizer_.lr(), batch.labels.numel()});
  }
}

void Trainer::explain_not_finite(const Batch& batch, const std::string& symptom) {
  const std::string where = fmt::format("in epoch {}, step {} (learning rate {:g})", progress_.epoch + 1,
                                        progress_.step + 1, optimizer_.lr());
  const char* const advice = "no weight was changed; try a lower learning rate, a warm-up, or clip_norm";
  optimizer_.zero_grad();
  try {
    const DetectAnomaly detect;
    nn::start_dropout_step(model_, settings_.seed, progress_.step);
    loss_(model_(batch.images), batch).backward();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_finite) throw;
    fail(ErrorKind::not_finite, "train", "{} {}: first seen as {}; {}", symptom, where, error.what(), advice);
  }
  // Every single value is finite: a sum overflowed.
  fail(ErrorKind::not_finite, "train", "{} {}; {}", symptom, where, advice);
}

}  // namespace espalier::train
