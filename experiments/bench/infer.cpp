#include "experiments/bench/infer.h"

#include <algorithm>
#include <cmath>

#include "experiments/bench/subject.h"
#include "experiments/bench/timing.h"
#include "framework/core/error.h"
#include "framework/nn/summary.h"

namespace espalier::bench {
namespace {

// Masks the weights of smallest magnitude, layer by layer.
void prune_by_magnitude(nn::Module& model, double sparsity) {
  for (nn::Parameter* parameter : model.parameters()) {
    if (parameter->value.rank() != 4) continue;
    const auto removed = static_cast<std::size_t>(sparsity * static_cast<double>(parameter->value.numel()));
    if (removed == 0) continue;
    std::vector<float> magnitudes = parameter->value.to_vector();
    for (float& value : magnitudes) value = std::fabs(value);
    std::vector<float> sorted = magnitudes;
    const auto threshold = sorted.begin() + static_cast<std::ptrdiff_t>(removed) - 1;
    std::nth_element(sorted.begin(), threshold, sorted.end());
    parameter->mask = Mask::ones(parameter->value.shape());
    std::uint8_t* mask = parameter->mask.data();
    for (std::size_t i = 0; i < magnitudes.size(); ++i) mask[i] = magnitudes[i] > *threshold ? 1 : 0;
    parameter->mask.apply_(parameter->value);
  }
}

double percentile(std::vector<double> values, double fraction) {
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(std::ceil(fraction * last))];
}

}  // namespace

InferSpeed measure_inference(const InferBenchOptions& options) {
  if (!(options.sparsity >= 0.0 && options.sparsity < 1.0)) {
    fail(ErrorKind::usage, "espalier bench", "--sparsity expects a fraction below 1, got {}",
         options.sparsity);
  }
  const Subject subject = find_subject(options.model, options.overrides, options.checkpoint);
  prune_by_magnitude(*subject.model, options.sparsity);

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
