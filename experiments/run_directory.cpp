#include "experiments/run_directory.h"

#include <algorithm>
#include <fstream>
#include <system_error>
#include <vector>

#include "experiments/config/document.h"
#include "experiments/experiment_config.h"
#include "experiments/read_figures.h"
#include "framework/core/error.h"
#include "framework/core/files.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

// The directories step-<number>, oldest first.
std::vector<fs::path> step_directories(const fs::path& stage) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(stage, error)) {
    const std::string name = entry.path().filename().string();
    const bool aside = name.ends_with(".new");
    if (name.starts_with("step-") && !aside) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());  // numbers have leading zeros
  return found;
}

// One to go on from, and one before it, should a disk damage the first.
constexpr std::size_t kKeptSteps = 2;

// Removes all but the newest `keep` checkpoints, and what a crash left of unfinished ones.
void remove_old_steps(std::size_t keep, const fs::path& stage) {
  std::error_code ignored;
  const std::vector<fs::path> steps = step_directories(stage);
  const auto kept = steps.end() - static_cast<std::ptrdiff_t>(std::min(keep, steps.size()));
  std::vector<fs::path> others;
  for (const auto& entry : fs::directory_iterator(stage, ignored)) {
    if (entry.path().filename().string().starts_with("step-") &&
        std::find(kept, steps.end(), entry.path()) == steps.end())
      others.push_back(entry.path());
  }
  for (const fs::path& path : others) fs::remove_all(path, ignored);
}

}  // namespace

MetricsFile::MetricsFile(fs::path path) : path_(std::move(path)) {}

void MetricsFile::append(const nlohmann::ordered_json& line) {
  errno = 0;
  std::ofstream file(path_, std::ios::app);
  file << line.dump() << '\n';
  file.close();
  if (!file) {
    fail(ErrorKind::io, "metrics", "cannot write {}: {}", path_.string(),
         std::generic_category().message(errno));
  }
}

std::int64_t MetricsFile::size_bytes() const {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path_, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

void MetricsFile::truncate(std::int64_t size) {
  if (size < 0)
    fail(ErrorKind::integrity, "metrics", "a checkpoint gives {} a size of {}", path_.string(), size);
  if (size_bytes() <= size) return;
  std::error_code error;
  fs::resize_file(path_, static_cast<std::uintmax_t>(size), error);
  if (error) fail(ErrorKind::io, "metrics", "cannot shorten {}: {}", path_.string(), error.message());
}

StageDirectory::StageDirectory(fs::path path, MetricsFile& metrics, KernelsFile* kernels)
    : path_(std::move(path)), metrics_(metrics), kernels_(kernels) {}

void StageDirectory::save_kernels() {
  if (kernels_ != nullptr) kernels_->save();
}

StageDirectory StageDirectory::round(std::int64_t number) const {
  return StageDirectory(path_ / fmt::format("round-{:02}", number), metrics_, kernels_);
}

StageDirectory StageDirectory::control(std::int64_t round, const std::string& name) const {
  return StageDirectory(path_ / fmt::format("round-{:02}-{}", round, name), metrics_, kernels_);
}

bool StageDirectory::is_under_way() const {
  if (!step_directories(path_).empty()) return true;
  const StageDirectory first = round(0);
  return fs::is_directory(first.path_) && (first.is_complete() || first.is_under_way());
}

std::optional<train::Checkpoint> StageDirectory::progress() const {
  const std::vector<fs::path> steps = step_directories(path_);
  if (steps.empty()) return std::nullopt;
  try {
    return train::load_checkpoint(steps.back());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::integrity || steps.size() < 2) throw;
    fail(ErrorKind::integrity, "run", "{}; remove {} to go on from {}", error.what(), steps.back().string(),
         steps[steps.size() - 2].filename().string());
  }
}

void StageDirectory::save_progress(std::int64_t step, train::Checkpoint checkpoint) {
  make_directories(path_);
  save_kernels();
  checkpoint.about["metrics_bytes"] = metrics_.size_bytes();
  const fs::path directory = path_ / fmt::format("step-{:010}", step);
  train::save_checkpoint(directory, checkpoint);
  remove_old_steps(kKeptSteps, path_);
}

bool StageDirectory::is_complete() const {
  std::error_code ignored;
  return fs::exists(path_ / kResultFile, ignored);
}

nlohmann::ordered_json StageDirectory::result() const { return read_result(path_ / kResultFile); }

void StageDirectory::complete(const train::Checkpoint& model, nlohmann::ordered_json result) {
  make_directories(path_);
  save_kernels();
  train::save_checkpoint(final_checkpoint(), model);
  result["metrics_bytes"] = metrics_.size_bytes();
  write_file_durably(path_ / kResultFile, result.dump(2) + "\n");
  remove_old_steps(0, path_);
}

RunDirectory::RunDirectory(fs::path path, const std::string& config_toml, const std::string& hash,
                           const Note& note, const std::optional<RunKernels>& adopted)
    : path_(std::move(path)), metrics_(path_ / kMetricsFile) {
  std::error_code ignored;
  if (!fs::exists(path_, ignored)) made_.push_back(path_);
  make_directories(path_);
  lock_.emplace(path_);
  const fs::path config_path = path_ / kConfigFile;
  if (fs::exists(config_path, ignored)) {
    ExperimentConfig there = read_experiment(parse_config_file(config_path));
    const std::string there_hash = config_hash(there);
    if (there_hash != hash) {
      fail(ErrorKind::usage, "run", "{} holds another experiment ({}, not {}); choose another --out",
           path_.string(), there_hash.substr(0, 8), hash.substr(0, 8));
    }
    kernels_ = std::make_unique<KernelsFile>(path_ / kKernelsFile, /*run_begins=*/false, note, adopted);
    return;
  }
  if (!fs::exists(path_ / kKernelsFile, ignored)) made_.push_back(path_ / kKernelsFile);
  kernels_ = std::make_unique<KernelsFile>(path_ / kKernelsFile, /*run_begins=*/true, note, adopted);
  made_.push_back(config_path);
  write_file_durably(config_path, config_toml);
}

RunDirectory::~RunDirectory() {
  std::error_code ignored;
  for (; !made_.empty(); made_.pop_back()) fs::remove(made_.back(), ignored);
}

void RunDirectory::keep() { made_.clear(); }

StageDirectory RunDirectory::stage(std::size_t index, const std::string& label) {
  return StageDirectory(path_ / fmt::format("{}-{}", index, label), metrics_, kernels_.get());
}

}  // namespace espalier
