#include "experiments/bench/random_pruning.h"

#include <iterator>

#include "framework/core/error.h"
#include "pruning/dependencies/shrink.h"
#include "pruning/pruner.h"

namespace espalier::bench {
namespace {

struct UnitRow {
  const char* name;
  const char* granularity;
};

// In the order of Unit.
constexpr UnitRow kUnits[] = {{"dense", ""}, {"1x1", "element"}, {"4x4", "block"}, {"filters", "filter"}};

}  // namespace

const char* unit_name(Unit unit) { return kUnits[static_cast<std::size_t>(unit)].name; }

Unit unit_from(const std::string& name) {
  for (std::size_t i = 1; i < std::size(kUnits); ++i) {
    if (name == kUnits[i].name) return static_cast<Unit>(i);
  }
  fail(ErrorKind::usage, "espalier bench", "--blocks expects 1x1, 4x4 or filters, got '{}'", name);
}

void check_random_pruning(double fraction) {
  if (!(fraction >= 0.0 && fraction < 1.0))
    fail(ErrorKind::usage, "espalier bench", "--sparsity expects fractions below 1, got {}", fraction);
}

void prune_at_random(nn::Module& model, const Shape& image, double fraction, Unit unit) {
  check_random_pruning(fraction);
  if (unit == Unit::none) return;
  pruning::PrunerSettings settings;
  settings.sparsity = fraction;
  settings.criterion = pruning::criterion_registry().make(settings.criterion_kind = "random");
  settings.scope = pruning::scope_registry().make(settings.scope_kind = "per_layer");
  settings.granularity_kind = kUnits[static_cast<std::size_t>(unit)].granularity;
  settings.granularity = pruning::granularity_registry().make(settings.granularity_kind);
  if (unit == Unit::filter) {
    settings.dependencies = true;
    settings.target = "macs";
  }
  const std::vector<nn::Parameter*> parameters = model.parameters();
  for (const nn::Parameter* parameter : parameters) {
    if (parameter->kind == nn::ParameterKind::weight &&
        !settings.granularity->applies_to(parameter->value.shape()))
      settings.exclude.push_back(parameter->name);
  }
  const pruning::ScoringData data = {.model = model, .input_shape = image, .batch_loss = {}};
  pruning::Pruner pruner(std::move(settings), parameters, 0);
  pruner.set_data(&data);
  pruner.start();
  for (nn::Parameter* parameter : parameters) {
    if (!parameter->mask.dense()) parameter->mask.apply_(parameter->value);
  }
  if (unit == Unit::filter) pruning::shrink(model, image);
}

}  // namespace espalier::bench
