#include "pruning/pruner.h"

#include <algorithm>
#include <cmath>

#include "pruning/selection.h"
#include "pruning/targets.h"

namespace espalier::pruning {

void PrunerSettings::fields(FieldVisitor& v) {
  v.field("sparsity", sparsity, "fraction of the targeted weights that is pruned in the end", {0.0, 1.0});
  v.field("include", include, "names of the parameters to prune, * and ? as in file names");
  v.field("exclude", exclude, "names to leave dense, stronger than include");
  v.field("min_layer_density", min_layer_density, "fraction of its units that every layer keeps", {0.0, 1.0});
  v.field("on_collapse", on_collapse,
          "a layer would lose all its units: keep its best one, or stop with an error", {"floor", "refuse"});
  v.part("criterion", criterion_kind, criterion, criterion_registry(), "what a weight is worth");
  v.part("granularity", granularity_kind, granularity, granularity_registry(), "what is pruned as one");
  v.part("scope", scope_kind, scope, scope_registry(), "who competes with whom");
  v.part("schedule", schedule_kind, schedule, schedule_registry(), "when, and how far");
}

Pruner::Pruner(PrunerSettings settings, std::span<nn::Parameter* const> parameters, std::int64_t total_steps)
    : settings_(std::move(settings)),
      targets_(select_targets(parameters, settings_.include, settings_.exclude)),
      total_steps_(total_steps) {
  for (const nn::Parameter* target : targets_) {
    if (settings_.granularity->applies_to(target->value.shape())) continue;
    fail(ErrorKind::usage, "prune", "granularity '{}' does not apply to {} of shape {}; exclude it",
         settings_.granularity_kind, target->name, target->value.shape().str());
  }
}

void Pruner::start() { prune_if_due(0); }

void Pruner::before_step(const optim::StepInfo& info, std::span<nn::Parameter* const> parameters) {
  settings_.criterion->observe(info, parameters);
}

bool Pruner::after_step(const optim::StepInfo& info, std::span<nn::Parameter* const>) {
  return prune_if_due(info.step + 1);
}

bool Pruner::prune_if_due(std::int64_t steps_done) {
  if (settings_.sparsity == 0.0 || !settings_.schedule->due(steps_done, total_steps_)) return false;
  prune(steps_done, settings_.sparsity * settings_.schedule->progress(steps_done, total_steps_));
  return true;
}

double Pruner::density() const {
  std::int64_t kept = 0, all = 0;
  for (const nn::Parameter* target : targets_) {
    kept += target->nonzeros();
    all += target->value.numel();
  }
  return static_cast<double>(kept) / static_cast<double>(all);
}

void Pruner::prune(std::int64_t steps_done, double sparsity) {
  std::vector<LayerInfo> layers;
  for (const nn::Parameter* target : targets_) layers.push_back({target->name, target->value.shape()});
  PruneEvent event{
      .steps_done = steps_done, .target_sparsity = sparsity, .sparsity = 0.0, .floored_layers = {}};
  for (const Quota& quota : settings_.scope->quotas(layers, sparsity)) prune_quota(quota, event);
  event.sparsity = 1.0 - density();
  if (listener_) listener_(event);
}

void Pruner::prune_quota(const Quota& quota, PruneEvent& event) {
  const Granularity& granularity = *settings_.granularity;
  std::vector<Tensor> scores;                   // a layer: [units]
  std::vector<std::vector<std::uint8_t>> keep;  // a layer: [units], first the alive ones, then the kept ones
  std::vector<Units> layers;
  std::int64_t weights = 0;
  for (std::size_t index : quota.layers) {
    nn::Parameter& target = *targets_[index];
    const Shape& shape = target.value.shape();
    if (target.mask.dense()) target.mask = Mask::ones(shape);
    scores.push_back(granularity.unit_scores(settings_.criterion->scores(target)));
    const std::int64_t units = granularity.unit_count(shape);
    keep.emplace_back(static_cast<std::size_t>(units));
    granularity.units_alive(target.mask, keep.back());
    const auto floor =
        static_cast<std::int64_t>(std::ceil(settings_.min_layer_density * static_cast<double>(units)));
    layers.push_back({.scores = {scores.back().data(), static_cast<std::size_t>(units)},
                      .alive = keep.back(),
                      .weights_per_unit = shape.numel() / units,
                      .at_least = std::max<std::int64_t>(1, floor),
                      .keep = keep.back()});
    weights += shape.numel();
  }

  const auto budget = static_cast<std::int64_t>(std::llround(quota.sparsity * static_cast<double>(weights)));
  const std::vector<std::int64_t> saved = select_units(layers, budget);

  for (std::size_t i = 0; i < quota.layers.size(); ++i) {
    if (saved[i] == 0) continue;
    const std::string& name = targets_[quota.layers[i]]->name;
    check(settings_.on_collapse == "floor" || settings_.min_layer_density > 0.0, "prune",
          "sparsity {:.4f} would leave {} without a single unit; lower it, use scope 'per_layer', or set "
          "min_layer_density or on_collapse = \"floor\"",
          quota.sparsity, name);
    event.floored_layers.push_back(name);
  }
  for (std::size_t i = 0; i < quota.layers.size(); ++i) {
    granularity.clear_units(keep[i], targets_[quota.layers[i]]->mask);
  }
}

}  // namespace espalier::pruning
