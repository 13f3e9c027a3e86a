#include "experiments/bench/train.h"

#include <algorithm>

#include "experiments/bench/subject.h"
#include "experiments/bench/timing.h"
#include "experiments/system_info.h"
#include "framework/nn/summary.h"
#include "framework/ops/cross_entropy.h"
#include "framework/optim/sgd.h"
#include "framework/tensor/lanes.h"

namespace espalier::bench {
namespace {

Tensor some_labels(std::int64_t batch, std::int64_t classes) {
  Tensor labels = Tensor::empty({batch}, Layout::plain, DType::i32);
  for (std::int64_t i = 0; i < batch; ++i) {
    labels.data<std::int32_t>()[i] = static_cast<std::int32_t>(i % classes);
  }
  return labels;
}

}  // namespace

TrainSpeed measure_training(const TrainBenchOptions& options) {
  const Subject subject = find_subject(options.model, options.overrides, options.checkpoint);
  nn::Module& model = *subject.model;
  optim::SgdSettings settings;
  settings.lr = 0.01;
  settings.momentum = 0.9;
  settings.weight_decay = 5e-4;
  optim::Sgd optimizer(model.parameters(), settings);
  const Tensor images = to_lanes(random_images(options.batch, subject.image));
  const Tensor labels = some_labels(options.batch, subject.classes);

  TrainSpeed speed;
  speed.macs = nn::summary(model, subject.image).total.macs;
  const auto step = [&](Profile* profile) {
    Tensor loss = ops::cross_entropy(model(images), labels);
    loss.backward();
    if (profile != nullptr) profile->skip();
    optimizer.step();
    optimizer.zero_grad();
    if (profile != nullptr) profile->lap("optimizer");
    speed.loss = loss.item();
  };

  for (int i = 0; i < options.warm_up; ++i) step(nullptr);
  Profile profile;
  std::vector<double> seconds;
  for (int i = 0; i < options.steps; ++i) {
    const double start = now_seconds();
    profile.skip();
    step(&profile);
    seconds.push_back(now_seconds() - start);
  }
  speed.step_seconds = median(seconds);
  speed.images_per_s = static_cast<double>(options.batch) / speed.step_seconds;
  speed.gflops = 3 * 2e-9 * static_cast<double>(speed.macs) * speed.images_per_s;
  speed.operations = profile.rows();
  std::stable_sort(speed.operations.begin(), speed.operations.end(),
                   [](const auto& a, const auto& b) { return a.seconds() > b.seconds(); });
  speed.tensor_bytes = static_cast<std::int64_t>(allocator_stats().peak_in_use_bytes);
  speed.process_bytes = peak_process_bytes();
  return speed;
}

}  // namespace espalier::bench
