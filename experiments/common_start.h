// What experiments have in common from their start: one run takes it from another instead of doing it again.
//
// A run can be cut at the end of each stage, and at that of the first round of one that trains in rounds. Two
// runs whose configs agree in all that decides what happens until a cut have the same bits there, on the same
// kernels, so the one can go on from the other's checkpoint, and on its kernels. It gets the other's outputs
// under its own name, as links where the file system has them: they take no room twice, and each run stays
// whole when the other is removed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiments/experiment_config.h"
#include "experiments/reporter.h"

namespace espalier {

// Where a run can be cut.
struct Cut {
  std::size_t stage = 0;
  bool first_round = false;  // of the stage; else its end
  std::string key;           // hash of all that decides what happens until there
};

// In the order in which they are reached.
std::vector<Cut> cuts_of(ExperimentConfig& config);

// Before a run in `directory` begins or goes on: of the directories of other runs, where there are such,
// takes from the one that has reached the last cut in common. Nothing of this run's own is given up, a stage
// under way goes on. Returns whether there was anything to take. `result.json` of what was taken says from
// where ("taken_from"); times are those of who computed it. Throws Error as RunDirectory does, (integrity)
// when the other run is damaged, (usage) when it was computed on another data set, (io).
bool take_common_start(ExperimentConfig& config, const std::filesystem::path& directory,
                       const std::vector<std::filesystem::path>& others, Reporter& reporter);

// Why a run that begins could take nothing from another, for a person.
std::string why_nothing(ExperimentConfig& config, const std::filesystem::path& other);

// Throws Error (usage) where the directory, given as --start-from, holds no run.
void expect_run(const std::filesystem::path& other);

// Takes the start from a run that was named for it, `espalier run --start-from`: throws Error (usage) that
// says what differs where a run that begins can take nothing from it.
void start_from(ExperimentConfig& config, const std::filesystem::path& directory,
                const std::filesystem::path& other, Reporter& reporter);

}  // namespace espalier
