#include "experiments/cli/bench_sparse.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "experiments/bench/conv_shapes.h"
#include "framework/tensor/dtype.h"
#include "framework/tune/layer_shape.h"
#include "kernels/base/parallel.h"

namespace espalier::cli {
namespace {

using bench::SparseRow;
using bench::SparseTime;

struct Format {
  const char* name;
  double SparseTime::*seconds;
};
constexpr Format kFormats[] = {{"1x1", &SparseTime::single_seconds}, {"4x4", &SparseTime::block_seconds}};

std::vector<double> seconds_of(const SparseRow& row, const Format& format) {
  std::vector<double> seconds;
  for (const SparseTime& time : row.sparse) seconds.push_back(time.*format.seconds);
  return seconds;
}

// All layers of a network.
struct NetworkTotal {
  double dense_seconds = 0.0, onednn_seconds = 0.0;
  std::array<std::vector<double>, std::size(kFormats)> sparse_seconds;  // by format, by density

  void add(const SparseRow& row, int times) {
    dense_seconds += times * row.dense_seconds;
    onednn_seconds += times * row.onednn_seconds.value_or(0.0);
    for (std::size_t f = 0; f < sparse_seconds.size(); ++f) {
      const std::vector<double> seconds = seconds_of(row, kFormats[f]);
      sparse_seconds[f].resize(seconds.size(), 0.0);
      for (std::size_t i = 0; i < seconds.size(); ++i) sparse_seconds[f][i] += times * seconds[i];
    }
  }
};

// How many times as fast as dense at each density, and the density at which both are equal.
void print_ratios(const std::vector<double>& densities, const std::vector<double>& seconds,
                  double dense_seconds) {
  for (double sparse : seconds) fmt::print(" {:>5.2f}", dense_seconds / sparse);
  fmt::print("  {:>5.1f}%\n", 100.0 * bench::break_even_density(densities, seconds, dense_seconds));
}

}  // namespace

void print_sparse_json(const bench::SparseBenchOptions& options) {
  run_sparse_bench(options, [&](const SparseRow& row) {
    nlohmann::ordered_json layers;
    for (std::size_t n = 0; n < row.times.size(); ++n) layers[bench::kSparseNetworks[n]] = row.times[n];
    for (const Format& format : kFormats) {
      for (const SparseTime& time : row.sparse) {
        const double seconds = time.*format.seconds;
        nlohmann::ordered_json line = {{"shape", row.shape},
                                       {"pass", tune::pass_name(row.pass)},
                                       {"blocks", format.name},
                                       {"density", time.density},
                                       {"dtype", dtype_name(dtype_of(options.element))},
                                       {"ms", 1e3 * seconds},
                                       {"dense_ms", 1e3 * row.dense_seconds},
                                       {"times_dense", row.dense_seconds / seconds},
                                       {"batch", options.batch},
                                       {"threads", kernels::num_threads()},
                                       {"isa", kernels::isa_name(kernels::active_isa())},
                                       {"layers", layers}};
        if (row.onednn_seconds) {
          line["onednn_ms"] = 1e3 * *row.onednn_seconds;
          line["times_onednn"] = *row.onednn_seconds / seconds;
        }
        fmt::print("{}\n", line.dump());
      }
    }
    std::fflush(stdout);
  });
}

void print_sparse_table(const bench::SparseBenchOptions& options) {
  fmt::print("{} thread{}, batch {}, {}; how many times as fast as our dense kernel, by density of weights\n",
             kernels::num_threads(), kernels::num_threads() == 1 ? "" : "s", options.batch,
             dtype_name(dtype_of(options.element)));
  fmt::print("{:<22} {:<17} {:>8} {:>7} {:>6}", "shape", "pass", "dense ms", "oneDNN", "blocks");
  for (double density : options.densities) fmt::print(" {:>4g}%", 100.0 * density);
  fmt::print("  break-even\n");

  std::array<NetworkTotal, bench::kSparseNetworks.size()> totals;
  run_sparse_bench(options, [&](const SparseRow& row) {
    for (std::size_t n = 0; n < totals.size(); ++n) totals[n].add(row, row.times[n]);
    for (const Format& format : kFormats) {
      fmt::print("{:<22} {:<17} {:>8.2f} {:>7.2f} {:>6}", row.shape, tune::pass_name(row.pass),
                 1e3 * row.dense_seconds, 1e3 * row.onednn_seconds.value_or(0.0), format.name);
      print_ratios(options.densities, seconds_of(row, format), row.dense_seconds);
    }
    std::fflush(stdout);
  });
  for (std::size_t n = 0; n < totals.size(); ++n) {
    if (totals[n].dense_seconds == 0.0) continue;
    const std::string what = fmt::format("{}, {}", bench::kSparseNetworks[n],
                                         options.only.empty() ? "all layers" : "these layers");
    for (std::size_t f = 0; f < std::size(kFormats); ++f) {
      fmt::print("{:<40} {:>8.0f} {:>7.0f} {:>6}", what, 1e3 * totals[n].dense_seconds,
                 1e3 * totals[n].onednn_seconds, kFormats[f].name);
      print_ratios(options.densities, totals[n].sparse_seconds[f], totals[n].dense_seconds);
    }
  }
}

}  // namespace espalier::cli
