#include "experiments/bench/training_step.h"

#include "framework/ops/cross_entropy.h"
#include "framework/tensor/lanes.h"

namespace espalier::bench {
namespace {

optim::SgdSettings sgd_settings() {
  optim::SgdSettings settings;
  settings.lr = 0.01;
  settings.momentum = 0.9;
  settings.weight_decay = 5e-4;
  return settings;
}

Tensor some_labels(std::int64_t batch, std::int64_t classes) {
  Tensor labels = Tensor::empty({batch}, Layout::plain, DType::i32);
  for (std::int64_t i = 0; i < batch; ++i) {
    labels.data<std::int32_t>()[i] = static_cast<std::int32_t>(i % classes);
  }
  return labels;
}

// What an update reads and writes: weights and moments twice, gradients once.
std::int64_t update_bytes(const optim::Optimizer& optimizer) {
  std::int64_t weights = 0, moments = 0;
  for (const nn::Parameter* parameter : optimizer.parameters()) weights += parameter->value.numel();
  for (const auto& [name, tensor] : optimizer.state()) moments += tensor.numel();
  return (3 * weights + 2 * moments) * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace

TrainingStep::TrainingStep(const Subject& subject, std::int64_t batch, DType precision)
    : model_(*subject.model),
      optimizer_(model_.parameters(), sgd_settings()),
      images_(to_lanes(random_images(batch, subject.image), precision)),
      labels_(some_labels(batch, subject.classes)) {
  optimizer_.enforce_masks();  // as training does before its first step
}

double TrainingStep::run(Profile* profile) {
  if (profile != nullptr) profile->skip();
  Tensor loss = ops::cross_entropy(model_(images_), labels_);
  loss.backward();
  if (profile != nullptr) profile->skip();
  optimizer_.step();
  optimizer_.zero_grad();
  if (profile != nullptr) profile->lap("optimizer", update_bytes(optimizer_));
  return loss.item();
}

}  // namespace espalier::bench
