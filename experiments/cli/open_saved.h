// What commands that measure a saved model share: the model, its config with the user's changes, and a split
// of its data.
#pragma once

#include "experiments/about.h"
#include "experiments/cli/command.h"
#include "experiments/experiment_config.h"
#include "experiments/kernels_file.h"

namespace espalier::cli {

struct OpenedModel {
  SavedModel saved;
  std::unique_ptr<RecordedKernels> kernels;  // the run's, in use from here on
  ExperimentConfig config;
  datasets::Splits data;
  std::string split_name;
  std::shared_ptr<const datasets::Dataset> split;
};

// Adds --data, --split (default `split`), and the positionals checkpoint and overrides.
void add_saved_model_options(cxxopts::Options& options, const char* split);
// How help writes the positionals.
inline constexpr const char* kSavedModelPositionals = "CHECKPOINT [key=value ...]";

// Throws Error: usage when there is no such split or its images do not fit the model.
OpenedModel open_saved(const cxxopts::ParseResult& arguments, const char* where);

}  // namespace espalier::cli
