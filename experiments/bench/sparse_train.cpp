#include "experiments/bench/sparse_train.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>

#include "experiments/bench/timing.h"
#include "experiments/bench/training_step.h"
#include "experiments/system_info.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/summary.h"
#include "framework/tensor/storage.h"

namespace espalier::bench {
namespace {

double weight_density(nn::Module& model) {
  std::int64_t kept = 0, all = 0;
  for (const nn::Parameter* parameter : model.parameters()) {
    if (parameter->kind != nn::ParameterKind::weight) continue;
    kept += parameter->nonzeros();
    all += parameter->value.numel();
  }
  return static_cast<double>(kept) / static_cast<double>(all);
}

std::vector<SparsePassesOf> passes_of_layers(nn::Module& model) {
  std::vector<SparsePassesOf> layers;
  const auto add = [&](const nn::Module& layer, const ops::SparsePasses& chosen) {
    layers.push_back({layer.path(), chosen.forward, chosen.backward_data, chosen.backward_weights});
  };
  for (nn::Module* module : model.modules()) {
    if (auto* conv = dynamic_cast<nn::Conv2d*>(module)) add(*conv, conv->execution().chosen());
    if (auto* linear = dynamic_cast<nn::Linear*>(module)) add(*linear, linear->execution().chosen());
  }
  return layers;
}

// What was freed goes back to the system, so that what the process has is what it uses.
void give_back_freed_memory() {
  release_cached_memory();
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

// One turn; adds its times to `seconds`.
void take_turn(const SparseTrainOptions& options, SparseTrainRow& row, std::vector<double>& seconds) {
  const Subject subject = find_subject(options.subject);
  prune_at_random(*subject.model, subject.image, row.sparsity, row.unit);
  row.macs = nn::summary(*subject.model, subject.image).total.macs;
  give_back_freed_memory();  // of earlier turns, of building and pruning
  TrainingStep step(subject, options.batch, options.precision);
  for (int i = 0; i < options.warm_up; ++i) step.run();
  for (int i = 0; i < options.steps; ++i) {
    const double start = now_seconds();
    step.run();
    seconds.push_back(now_seconds() - start);
  }
  row.density = weight_density(*subject.model);
  row.layers = passes_of_layers(*subject.model);
  row.tensor_bytes = static_cast<std::int64_t>(allocator_stats().reserved_bytes);
  row.process_bytes = process_bytes();
}

}  // namespace

std::vector<SparseTrainRow> measure_sparse_training(const SparseTrainOptions& options) {
  std::vector<SparseTrainRow> rows(1);
  for (const Unit unit : options.units) {
    for (const double sparsity : options.sparsities) {
      check_random_pruning(sparsity);  // before the first turn
      if (sparsity != 0.0) rows.push_back({.unit = unit, .sparsity = sparsity, .layers = {}});
    }
  }
  std::vector<std::vector<double>> seconds(rows.size());
  for (int round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < rows.size(); ++i) take_turn(options, rows[i], seconds[i]);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].step_seconds = median(seconds[i]);
  return rows;
}

}  // namespace espalier::bench
