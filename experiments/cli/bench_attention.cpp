#include "experiments/cli/bench_attention.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kernels/base/isa.h"
#include "kernels/base/parallel.h"

namespace espalier::cli {

void print_attention_json(const bench::AttentionBenchOptions& options) {
  bench::run_attention_bench(options, [&](const bench::AttentionTime& time) {
    fmt::print("{}\n", nlohmann::ordered_json{{"tokens", time.tokens},
                                              {"heads", time.heads},
                                              {"head_features", time.head_features},
                                              {"batch", time.batch},
                                              {"dtype", dtype_name(options.precision)},
                                              {"threads", kernels::num_threads()},
                                              {"isa", kernels::isa_name(kernels::active_isa())},
                                              {"forward_ms", 1e3 * time.forward},
                                              {"forward_unfused_ms", 1e3 * time.forward_unfused},
                                              {"training_ms", 1e3 * time.training},
                                              {"training_unfused_ms", 1e3 * time.training_unfused},
                                              {"forward_gflops", time.gflop / time.forward}}
                           .dump());
  });
}

void print_attention_table(const bench::AttentionBenchOptions& options) {
  fmt::print("{}, {} thread{}, {}; ms a call, and how many times faster than with the scores in memory\n\n",
             dtype_name(options.precision), kernels::num_threads(), kernels::num_threads() == 1 ? "" : "s",
             kernels::isa_name(kernels::active_isa()));
  fmt::print("{:<16} {:>10} {:>8} {:>7} {:>10} {:>7}\n", "tokens, heads", "forward", "GFLOP/s", "times",
             "training", "times");
  bench::run_attention_bench(options, [](const bench::AttentionTime& time) {
    fmt::print("{:<16} {:>10.3f} {:>8.0f} {:>7.2f} {:>10.3f} {:>7.2f}\n",
               fmt::format("{} N{}", time.name(), time.batch), 1e3 * time.forward, time.gflop / time.forward,
               time.forward_unfused / time.forward, 1e3 * time.training,
               time.training_unfused / time.training);
  });
}

}  // namespace espalier::cli
