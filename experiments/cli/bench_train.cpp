#include "experiments/cli/bench_train.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "experiments/bench/limits.h"
#include "experiments/tuning.h"
#include "kernels/backend.h"
#include "kernels/base/isa.h"
#include "kernels/base/parallel.h"

namespace espalier::cli {
namespace {

using bench::SparseTrainRow;

// Of either benchmark's options.
template <class Options>
std::string title(const Options& options) {
  return fmt::format("{}, batch {}, {}, {} thread{}, {} {}", options.subject.name(), options.batch,
                     dtype_name(options.precision), kernels::num_threads(),
                     kernels::num_threads() == 1 ? "" : "s", kernels::isa_name(kernels::active_isa()),
                     kernels::backend_name(kernels::active_backend()));
}

template <class Options>
nlohmann::ordered_json circumstances(const Options& options) {
  return {{"model", options.subject.name()},
          {"batch", options.batch},
          {"threads", kernels::num_threads()},
          {"isa", kernels::isa_name(kernels::active_isa())},
          {"backend", kernels::backend_name(kernels::active_backend())},
          {"kernels", tuning_wanted() ? "measured" : "fixed"},
          {"dtype", dtype_name(options.precision)}};
}

constexpr std::pair<const char*, bool bench::SparsePassesOf::*> kPasses[] = {
    {"forward", &bench::SparsePassesOf::forward},
    {"backward_data", &bench::SparsePassesOf::backward_data},
    {"backward_weights", &bench::SparsePassesOf::backward_weights}};

// By pass, the layers that ran sparse.
nlohmann::ordered_json sparse_layers_json(const SparseTrainRow& row) {
  nlohmann::ordered_json passes;
  for (const auto& [name, is_sparse] : kPasses) {
    passes[name] = nlohmann::ordered_json::array();
    for (const bench::SparsePassesOf& layer : row.layers) {
      if (layer.*is_sparse) passes[name].push_back(layer.layer);
    }
  }
  return passes;
}

// "20/19/20 of 21"
std::string sparse_layers_text(const SparseTrainRow& row) {
  std::string counts;
  for (const auto& [name, is_sparse] : kPasses) {
    const auto count = std::count_if(row.layers.begin(), row.layers.end(),
                                     [&, pass = is_sparse](const auto& layer) { return layer.*pass; });
    counts += fmt::format("{}{}", counts.empty() ? "" : "/", count);
  }
  return fmt::format("{} of {}", counts, row.layers.size());
}

}  // namespace

void print_train_json(const bench::TrainBenchOptions& options) {
  // In this order: the limits take memory too.
  const bench::TrainSpeed speed = bench::measure_training(options);
  const bench::MachineLimits limits = bench::measure_limits();
  double total = 0.0;
  for (const Profile::Row& row : speed.operations) total += row.seconds();
  nlohmann::ordered_json json = circumstances(options), shares, rates;
  for (const Profile::Row& row : speed.operations) {
    shares[row.name] = row.seconds() / total;
    rates[row.name] = {{"forward", row.forward_gb_per_s()}, {"backward", row.backward_gb_per_s()}};
  }
  json["images_per_second"] = speed.images_per_s;
  json["step_ms"] = 1e3 * speed.step_seconds;
  json["gflops"] = speed.gflops;
  json["fma_peak_gflops"] = limits.gflops;
  json["fma_peak_fraction"] = speed.gflops / limits.gflops;
  json["copy_gb_per_second"] = limits.copy_gb_per_s;
  json["tensor_bytes"] = speed.tensor_bytes;
  json["process_bytes"] = speed.process_bytes;
  json["system_allocations_per_step"] = speed.system_allocations;
  json["page_faults_per_step"] = speed.page_faults;
  json["time_share"] = shares;
  json["operand_gb_per_second"] = rates;
  fmt::print("{}\n", json.dump());
}

void print_train_table(const bench::TrainBenchOptions& options) {
  const bench::TrainSpeed speed = bench::measure_training(options);
  const bench::MachineLimits limits = bench::measure_limits();
  fmt::print("{}\n", title(options));
  fmt::print("{:.0f} images/s, {:.1f} ms a step\n", speed.images_per_s, 1e3 * speed.step_seconds);
  fmt::print(
      "{:.0f} GFLOP/s, {:.2f} of the {:.0f} that multiply-adds in registers reach; copies reach {:.1f} "
      "GB/s\n",
      speed.gflops, speed.gflops / limits.gflops, limits.gflops, limits.copy_gb_per_s);
  fmt::print("tensors held {} MiB at most, the process {} MiB\n", speed.tensor_bytes >> 20,
             speed.process_bytes >> 20);
  fmt::print("a step takes {:.1f} blocks of memory from the system, and {:.1f} page faults\n\n",
             speed.system_allocations, speed.page_faults);
  fmt::print("{:<28} {:>7} {:>9} {:>9} {:>7}  GB/s of operands, forward and backward\n", "operation", "share",
             "forward", "backward", "calls");
  double total = 0.0;
  for (const Profile::Row& row : speed.operations) total += row.seconds();
  for (const Profile::Row& row : speed.operations) {
    fmt::print("{:<28} {:>6.1f}% {:>6.1f} ms {:>6.1f} ms {:>7} {:>6.1f} {:>6.1f}\n", row.name,
               100.0 * row.seconds() / total, 1e3 * row.forward_seconds / options.steps,
               1e3 * row.backward_seconds / options.steps, row.calls / options.steps, row.forward_gb_per_s(),
               row.backward_gb_per_s());
  }
}

void print_sparse_train_json(const bench::SparseTrainOptions& options) {
  const std::vector<SparseTrainRow> rows = bench::measure_sparse_training(options);
  for (const SparseTrainRow& row : rows) {
    nlohmann::ordered_json json = circumstances(options);
    json["blocks"] = bench::unit_name(row.unit);
    json["sparsity"] = row.sparsity;
    json["density"] = row.density;
    json["macs"] = row.macs;
    json["ms"] = 1e3 * row.step_seconds;
    json["dense_ms"] = 1e3 * rows.front().step_seconds;
    json["times_dense"] = rows.front().step_seconds / row.step_seconds;
    json["images_per_second"] = static_cast<double>(options.batch) / row.step_seconds;
    json["tensor_bytes"] = row.tensor_bytes;
    json["process_bytes"] = row.process_bytes;
    json["layers"] = row.layers.size();
    json["sparse_layers"] = sparse_layers_json(row);
    fmt::print("{}\n", json.dump());
  }
}

void print_sparse_train_table(const bench::SparseTrainOptions& options) {
  fmt::print("{}; whole steps with weights removed\n", title(options));
  fmt::print("{:<7} {:>8} {:>7} {:>10} {:>12} {:>9} {:>12} {:>12}  {}\n", "blocks", "removed", "MMACs",
             "ms a step", "times dense", "images/s", "tensors MiB", "process MiB",
             "sparse layers: forward/backward data/backward weights");
  const std::vector<SparseTrainRow> rows = bench::measure_sparse_training(options);
  for (const SparseTrainRow& row : rows) {
    fmt::print("{:<7} {:>7.3g}% {:>7.1f} {:>10.1f} {:>12.2f} {:>9.0f} {:>12} {:>12}  {}\n",
               bench::unit_name(row.unit), 100.0 * row.sparsity, 1e-6 * static_cast<double>(row.macs),
               1e3 * row.step_seconds, rows.front().step_seconds / row.step_seconds,
               static_cast<double>(options.batch) / row.step_seconds, row.tensor_bytes >> 20,
               row.process_bytes >> 20, sparse_layers_text(row));
  }
}

}  // namespace espalier::cli
