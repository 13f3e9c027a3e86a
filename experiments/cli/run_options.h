// What `run`, `resume` and `sweep` share.
#pragma once

#include <filesystem>
#include <optional>

#include "experiments/cli/command.h"
#include "experiments/experiment_config.h"
#include "experiments/kernels_file.h"
#include "experiments/reporter.h"

namespace espalier::cli {

void add_run_options(cxxopts::Options& options);

// --no-tune, for commands that choose kernels by measurement; and whether it was given, or ESPALIER_TUNE=off.
void add_tuning_option(cxxopts::Options& options);
void ask_for_tuning(const cxxopts::ParseResult& arguments);

// Sets the threads, lets signals stop the run in good order; the reporter goes to stderr with --json.
Reporter begin_run(const cxxopts::ParseResult& arguments);

// Runs or resumes after begin_run, prints the table or the summary as JSON, and returns 0. Throws what stops it.
int run_in_directory(const cxxopts::ParseResult& arguments, ExperimentConfig& config,
                     const std::filesystem::path& directory, Reporter& reporter,
                     const std::optional<RunKernels>& adopted = std::nullopt);

}  // namespace espalier::cli
