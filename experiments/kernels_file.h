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

// Those of another run, to begin a run with. Throws Error (io) when there is no such file, (integrity) when
// it is damaged.
RunKernels kernels_to_adopt(const std::filesystem::path& file);

// Its choices are in use while it lives.
class KernelsFile {
 public:
  // Reads the file. Where there is none, a run that begins writes one: what it adopts, else a tuned one if
  // that is wanted (experiments/tuning.h). A run that goes on without one was begun by a program without
  // measurements, and keeps to the fixed rule. `note` hears of unusual choices. Throws Error (usage) when the
  // run is to adopt kernels and computes on others already, (integrity) when the file is damaged.
  KernelsFile(std::filesystem::path path, bool run_begins, const Note& note,
              const std::optional<RunKernels>& adopted = std::nullopt);

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
