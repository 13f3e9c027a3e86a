#include "experiments/cli/run_options.h"

#include <csignal>

#include "experiments/runner.h"
#include "experiments/summary.h"
#include "experiments/tuning.h"
#include "framework/core/error.h"
#include "framework/train/stop.h"
#include "kernels/base/parallel.h"

namespace espalier::cli {

void add_run_options(cxxopts::Options& options) {
  options.add_options()("threads", "threads to compute with; they do not change the result",
                        cxxopts::value<int>(), "N")("json", "print the summary as JSON, progress to stderr");
  add_tuning_option(options);
}

void add_tuning_option(cxxopts::Options& options) {
  options.add_options()("no-tune", "do not measure which kernels are fastest: fixed choices");
}

void ask_for_tuning(const cxxopts::ParseResult& arguments) {
  want_tuning(tuning_environment() && arguments.count("no-tune") == 0);
}

Reporter begin_run(const cxxopts::ParseResult& arguments) {
  if (arguments.count("threads") > 0) {
    const int threads = arguments["threads"].as<int>();
    if (threads < 1 || threads > 1024)
      fail(ErrorKind::usage, "espalier", "--threads must be 1 to 1024, got {}", threads);
    kernels::set_num_threads(threads);
  }
  ask_for_tuning(arguments);
  train::catch_stop_signals();
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond the limit is an error of write(), which says more
  return Reporter(arguments.count("json") > 0 ? stderr : stdout);
}

int run_in_directory(const cxxopts::ParseResult& arguments, ExperimentConfig& config,
                     const std::filesystem::path& directory, Reporter& reporter,
                     const std::optional<RunKernels>& adopted) {
  const nlohmann::ordered_json summary = run_experiment(config, directory, reporter, adopted);
  if (arguments.count("json") > 0) {
    print_json(summary);
  } else {
    reporter.line("\n" + summary_table(summary));
  }
  return 0;
}

}  // namespace espalier::cli
