#include "experiments/stages/watch_pruner.h"

#include "experiments/reporter.h"
#include "experiments/run_directory.h"

namespace espalier {
namespace {

void report_event(StageContext& context, const pruning::PruneEvent& event) {
  context.directory.metrics().append({{"stage", context.label},
                                      {"event", "prune"},
                                      {"step", event.steps_done},
                                      {"target_sparsity", event.target_sparsity},
                                      {"sparsity", event.sparsity},
                                      {"grown_weights", event.grown_weights}});
  if (event.floored_layers.empty()) return;
  context.reporter.line(
      fmt::format("{}: at step {} these layers would have lost all they are allowed to keep: {}",
                  context.label, event.steps_done, fmt::join(event.floored_layers, ", ")));
}

}  // namespace

void watch_pruner(StageContext& context, pruning::Pruner& pruner) {
  for (const pruning::Staying& staying : pruner.staying()) {
    context.reporter.line(fmt::format("{}: {} of {} cannot be pruned: {}", context.label,
                                      counted(staying.count, staying.structure), staying.layer,
                                      staying.reason));
  }
  pruner.on_event([&context](const pruning::PruneEvent& event) { report_event(context, event); });
}

}  // namespace espalier
