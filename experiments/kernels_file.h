// kernels.json of a run: on which kernels it computes. They are chosen by measurement at the first use of a
// shape; a run that goes on takes those that it began with, so that it ends with the same bits.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "experiments/tuning.h"

namespace espalier {

struct RunKernels {
  bool tuned = false;  // by measurement; otherwise the fixed rule decides on everything
  tune::Choices choices = {};
};

// Nothing when there is no file. Throws Error (integrity) when it is damaged.
std::optional<RunKernels> read_kernels(const std::filesystem::path& path);

// Gives a run that is to begin in `directory` the kernels of another run's file. Throws Error (usage) when it
// has others already, (io) when there is no such file, (integrity) when it is damaged.
void adopt_kernels(const std::filesystem::path& file, const std::filesystem::path& directory);

// Its choices are in use while it lives.
class KernelsFile {
 public:
  // Reads the file. Where there is none, a run that begins writes one, tuned if that is wanted
  // (experiments/tuning.h); one that goes on was begun by a program without measurements, and keeps to the
  // fixed rule. `note` hears of unusual choices.
  KernelsFile(std::filesystem::path path, bool run_begins, const Note& note);

  bool tuned() const { return tuner_ != nullptr; }
  // Writes what was chosen since: before a checkpoint that rests on it.
  void save();

 private:
  std::filesystem::path path_;
  Note note_;
  std::string written_;
  std::unique_ptr<MachineTuner> tuner_;  // null: the fixed rule
};

// The kernels of the run that a checkpoint lies in, in use while it lives; what the run did not need goes by
// the fixed rule, and so does everything where there is no record.
class RecordedKernels {
 public:
  explicit RecordedKernels(const std::filesystem::path& checkpoint);

  // Where the record lies; empty: there is none.
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::unique_ptr<tune::Tuner> tuner_;
  std::unique_ptr<tune::UseTuner> use_;
};

}  // namespace espalier
