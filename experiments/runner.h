// Runs an experiment: its stages in order, each skipped when it was done before, and the summary.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "experiments/experiment_config.h"
#include "experiments/reporter.h"

namespace espalier {

// runs/<name>-<first 8 digits of the hash>
std::filesystem::path default_run_directory(ExperimentConfig& config);

// Starts the experiment in `directory`, or goes on with it there. Returns what summary.json holds.
nlohmann::ordered_json run_experiment(ExperimentConfig& config, const std::filesystem::path& directory,
                                      Reporter& reporter);

}  // namespace espalier
