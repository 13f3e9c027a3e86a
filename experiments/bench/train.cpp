#include "experiments/bench/train.h"

#include <algorithm>

#include "experiments/about.h"
#include "experiments/bench/timing.h"
#include "experiments/config/document.h"
#include "experiments/config/reader.h"
#include "experiments/system_info.h"
#include "framework/core/random.h"
#include "framework/nn/summary.h"
#include "framework/ops/cross_entropy.h"
#include "framework/optim/sgd.h"
#include "framework/tensor/lanes.h"
#include "models/registry.h"

namespace espalier::bench {
namespace {

std::unique_ptr<models::ModelSpec> chosen_model(const TrainBenchOptions& options) {
  auto spec = models::model_registry().make(options.model);
  ConfigNode keys;
  for (const std::string& assignment : options.overrides) apply_override(keys, assignment);
  read_config(keys, *spec);
  return spec;
}

struct Subject {
  std::shared_ptr<nn::Module> model;
  Shape image = {3, 32, 32};
  std::int64_t classes = 10;
};

Subject find_subject(const TrainBenchOptions& options) {
  Subject subject;
  if (options.checkpoint.empty()) {
    subject.model = chosen_model(options)->build(subject.image, subject.classes, 1);
  } else {
    const SavedModel saved = load_model(options.checkpoint);
    subject = {saved.model, saved.image_shape, saved.classes};
  }
  return subject;
}

Tensor random_images(std::int64_t batch, const Shape& image) {
  Tensor images = Tensor::empty({batch, image[0], image[1], image[2]});
  Random random(1, "images");
  for (std::int64_t i = 0; i < images.numel(); ++i) images.data()[i] = random.normal();
  return to_lanes(images);
}

Tensor some_labels(std::int64_t batch, std::int64_t classes) {
  Tensor labels = Tensor::empty({batch}, Layout::plain, DType::i32);
  for (std::int64_t i = 0; i < batch; ++i) {
    labels.data<std::int32_t>()[i] = static_cast<std::int32_t>(i % classes);
  }
  return labels;
}

}  // namespace

TrainSpeed measure_training(const TrainBenchOptions& options) {
  const Subject subject = find_subject(options);
  nn::Module& model = *subject.model;
  optim::SgdSettings settings;
  settings.lr = 0.01;
  settings.momentum = 0.9;
  settings.weight_decay = 5e-4;
  optim::Sgd optimizer(model.parameters(), settings);
  const Tensor images = random_images(options.batch, subject.image);
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
