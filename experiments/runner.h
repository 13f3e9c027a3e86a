// Runs an experiment: its stages in order, each skipped when it was done before, and the summary.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "experiments/experiment_config.h"
#include "experiments/kernels_file.h"
#include "experiments/reporter.h"

namespace espalier {

// runs/<name>-<first 8 digits of the hash>
std::filesystem::path default_run_directory(ExperimentConfig& config);

// Throws what its stages refuse of their settings, without doing anything; those after one that rebuilds the
// model are not asked.
void rehearse_experiment(ExperimentConfig& config, const datasets::Splits& data);

// Starts the experiment in `directory`, on the kernels that it adopts where there are such, or goes on with
// it there. Returns what summary.json holds.
nlohmann::ordered_json run_experiment(ExperimentConfig& config, const std::filesystem::path& directory,
                                      Reporter& reporter,
                                      const std::optional<RunKernels>& adopted = std::nullopt);

}  // namespace espalier
