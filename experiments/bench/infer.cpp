#include "experiments/bench/infer.h"

#include <algorithm>
#include <cmath>

#include "experiments/bench/timing.h"
#include "framework/nn/summary.h"

namespace espalier::bench {
namespace {

double percentile(std::vector<double> values, double fraction) {
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(std::ceil(fraction * last))];
}

}  // namespace

InferSpeed measure_inference(const InferBenchOptions& options) {
  const Subject subject = find_subject(options.subject);
  prune_at_random(*subject.model, subject.image, options.sparsity, options.unit);

  const double start = now_seconds();
  infer::Plan plan =
      infer::compile(*subject.model, subject.image, {.batch = options.batch, .tune = options.tune});
  const double compiled = now_seconds();

  const std::vector<float> images = random_images(options.batch, subject.image).to_vector();
  std::vector<float> logits(static_cast<std::size_t>(options.batch * plan.executor().result_floats()));
  for (int i = 0; i < options.warm_up; ++i) plan.run(images, logits);
  std::vector<double> seconds;
  for (int i = 0; i < options.calls; ++i) {
    const double before = now_seconds();
    plan.run(images, logits);
    seconds.push_back(now_seconds() - before);
  }

  InferSpeed speed{.compile_seconds = compiled - start, .plan = std::move(plan), .step_seconds = {}};
  speed.macs = nn::summary(*subject.model, subject.image).total.macs;
  speed.p50_seconds = median(seconds);
  speed.p99_seconds = percentile(seconds, 0.99);
  speed.best_seconds = *std::min_element(seconds.begin(), seconds.end());
  speed.images_per_s = static_cast<double>(options.batch) / speed.p50_seconds;
  speed.gflops = 2e-9 * static_cast<double>(speed.macs) * speed.images_per_s;
  speed.step_seconds = speed.plan.profile(images, logits, std::min(options.calls, 50));
  return speed;
}

}  // namespace espalier::bench
