// What `run` and `resume` share.
#pragma once

#include <filesystem>

#include "experiments/cli/command.h"
#include "experiments/experiment_config.h"

namespace espalier::cli {

void add_run_options(cxxopts::Options& options);

// Runs or resumes, prints the table or the summary as JSON, and returns 0. Throws what stops it.
int run_in_directory(const cxxopts::ParseResult& arguments, ExperimentConfig& config,
                     const std::filesystem::path& directory);

}  // namespace espalier::cli
