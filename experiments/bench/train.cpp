#include "experiments/bench/train.h"

#include <algorithm>

#include "experiments/bench/timing.h"
#include "experiments/bench/training_step.h"
#include "experiments/system_info.h"
#include "framework/nn/summary.h"
#include "framework/tensor/storage.h"

namespace espalier::bench {

TrainSpeed measure_training(const TrainBenchOptions& options) {
  const Subject subject = find_subject(options.subject);
  TrainingStep step(subject, options.batch, options.precision);
  TrainSpeed speed;
  speed.macs = nn::summary(*subject.model, subject.image).total.macs;

  for (int i = 0; i < options.warm_up; ++i) step.run();
  Profile profile;
  std::vector<double> seconds;
  const std::uint64_t allocations_before = allocator_stats().system_allocations;
  const std::int64_t faults_before = minor_page_faults();
  for (int i = 0; i < options.steps; ++i) {
    const double start = now_seconds();
    speed.loss = step.run(&profile);
    seconds.push_back(now_seconds() - start);
  }
  const auto per_step = [&](auto count) { return static_cast<double>(count) / options.steps; };
  speed.page_faults = per_step(minor_page_faults() - faults_before);
  speed.system_allocations = per_step(allocator_stats().system_allocations - allocations_before);
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
