// Where an experiment keeps its outputs:
//
//   runs/resnet20-prune50-1a2b3c4d/
//     config.toml               as resolved: every key
//     kernels.json              on which kernels it computes (kernels_file.h)
//     metrics.jsonl             a line an epoch and a line a change of masks
//     0-train/step-0000000391/  the newest checkpoint of a stage under way
//     0-train/checkpoint/       the model at the stage's end
//     0-train/result.json       exists once the stage is complete
//     summary.json              exists once all stages are
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "experiments/kernels_file.h"
#include "experiments/stages/stage.h"
#include "framework/core/files.h"
#include "framework/train/checkpoint.h"

namespace espalier {

inline constexpr const char* kConfigFile = "config.toml";
inline constexpr const char* kKernelsFile = "kernels.json";
inline constexpr const char* kMetricsFile = "metrics.jsonl";
inline constexpr const char* kResultFile = "result.json";
inline constexpr const char* kSummaryFile = "summary.json";

// Lines of JSON, appended as they come; cut back on resume to where the checkpoint was made.
class MetricsFile {
 public:
  explicit MetricsFile(std::filesystem::path path);

  void append(const nlohmann::ordered_json& line);
  std::int64_t size_bytes() const;
  void truncate(std::int64_t size_bytes);

 private:
  std::filesystem::path path_;
};

class StageDirectory {
 public:
  // `kernels` is saved before every checkpoint; null: there is none.
  StageDirectory(std::filesystem::path path, MetricsFile& metrics, KernelsFile* kernels = nullptr);

  MetricsFile& metrics() { return metrics_; }
  const std::filesystem::path& path() const { return path_; }
  // The directory of a round, for a stage that trains in rounds, and of a control of that round.
  StageDirectory round(std::int64_t number) const;
  StageDirectory control(std::int64_t round, const std::string& name) const;
  std::filesystem::path final_checkpoint() const { return path_ / "checkpoint"; }

  bool is_under_way() const;
  // The newest checkpoint of the stage under way; nothing when it is to begin.
  std::optional<train::Checkpoint> progress() const;
  // Deletes the older ones once this one is safe. Notes in `about` how long the metrics are.
  void save_progress(std::int64_t step, train::Checkpoint checkpoint);

  bool is_complete() const;
  // Throws Error (integrity) when it is not what complete() writes.
  nlohmann::ordered_json result() const;
  // Writes the model, then the result, then removes what only resuming needed.
  void complete(const train::Checkpoint& model, nlohmann::ordered_json result);

 private:
  void save_kernels();

  std::filesystem::path path_;
  MetricsFile& metrics_;
  KernelsFile* kernels_;
};

class RunDirectory {
 public:
  // Makes the directory and writes config.toml, or, where there is one, checks that it is the same
  // experiment's: throws Error (usage) when it is another's. Holds the directory: throws Error (io) when
  // another process does. The run's kernels are in use while this lives; `note` hears of unusual ones, and
  // `adopted` are those that it is to begin with (kernels_file.h). What this has made goes with it, unless
  // keep() was called: a run that is refused leaves no trace.
  RunDirectory(
      std::filesystem::path path, const std::string& config_toml, const std::string& config_hash,
      const Note& note = [](const std::string&) {}, const std::optional<RunKernels>& adopted = std::nullopt);
  ~RunDirectory();

  void keep();

  const std::filesystem::path& path() const { return path_; }
  MetricsFile& metrics() { return metrics_; }
  KernelsFile& kernels() { return *kernels_; }
  StageDirectory stage(std::size_t index, const std::string& label);

 private:
  std::filesystem::path path_;
  std::optional<DirectoryLock> lock_;
  MetricsFile metrics_;
  std::unique_ptr<KernelsFile> kernels_;
  std::vector<std::filesystem::path> made_;  // by this object, and not kept
};

}  // namespace espalier
