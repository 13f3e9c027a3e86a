#include "experiments/stages/removal.h"

#include <fmt/ranges.h>

#include "experiments/experiment_config.h"
#include "experiments/reporter.h"
#include "framework/nn/summary.h"

namespace espalier {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const pruning::Shrunk& shrunk, std::int64_t macs_before, std::int64_t macs) {
  Json layers = Json::array(), refusals = Json::array();
  for (const auto& layer : shrunk.layers)
    layers.push_back(
        {{"name", layer.name}, {"filters_before", layer.filters_before}, {"filters", layer.filters}});
  for (const auto& refusal : shrunk.refusals)
    refusals.push_back({{"layer", refusal.layer},
                        {"what", counted(refusal.count, refusal.structure)},
                        {"reason", refusal.reason}});
  return {{"parameters_before", shrunk.parameters_before},
          {"parameters", shrunk.parameters},
          {"macs_before", macs_before},
          {"macs", macs},
          {"max_difference", shrunk.max_difference},
          {"max_output", shrunk.max_output},
          {"folded_constants", shrunk.folded_constants},
          {"layers", layers},
          {"branches", shrunk.branches},
          {"stay_masked", refusals}};
}

void report(const StageContext& context, const pruning::Shrunk& shrunk, std::int64_t macs_before,
            std::int64_t macs) {
  context.reporter.line(fmt::format(
      "{}: {} of {} parameters and {} of {} multiply-adds are left; outputs differ by {:.2g} at most (they "
      "reach {:.3g})",
      context.label, shrunk.parameters, shrunk.parameters_before, macs, macs_before, shrunk.max_difference,
      shrunk.max_output));
  if (!shrunk.branches.empty())
    context.reporter.line(fmt::format("{}: dropped {}", context.label, fmt::join(shrunk.branches, ", ")));
  for (const auto& refusal : shrunk.refusals) {
    context.reporter.line(fmt::format("{}: {}: masked, but cannot be removed: {}: {}", context.label,
                                      refusal.layer, counted(refusal.count, refusal.structure),
                                      refusal.reason));
  }
}

}  // namespace

Removal remove_masked(const StageContext& context) {
  const Shape image = context.data.test->image_shape();
  const std::int64_t macs_before = nn::summary(context.model, image).total.macs;
  Removal removal{pruning::shrink(context.model, image), {}};
  const std::int64_t macs = nn::summary(context.model, image).total.macs;
  report(context, removal.shrunk, macs_before, macs);
  removal.figures = to_json(removal.shrunk, macs_before, macs);
  return removal;
}

}  // namespace espalier
