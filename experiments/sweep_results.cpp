#include "experiments/sweep_results.h"

#include <algorithm>
#include <vector>

#include "experiments/read_figures.h"
#include "framework/core/error.h"
#include "framework/core/files.h"

namespace espalier {

namespace fs = std::filesystem;

SweepResults::SweepResults(fs::path directory) : directory_(std::move(directory)) {
  std::vector<fs::path> files;
  std::error_code error;
  if (kept() && fs::exists(directory_, error)) {
    for (const auto& entry : fs::directory_iterator(directory_, error)) {
      if (entry.path().extension() == ".json") files.push_back(entry.path());
    }
  }
  if (error) fail(ErrorKind::io, "sweep", "cannot read {}: {}", directory_.string(), error.message());
  std::sort(files.begin(), files.end());  // of two with one config, the first counts
  for (const fs::path& file : files) {
    nlohmann::ordered_json summary = read_summary(file);
    const std::string hash = summary.at("config_hash");
    summaries_.emplace(hash, std::move(summary));
  }
}

const nlohmann::ordered_json* SweepResults::find(const std::string& config_hash) const {
  const auto found = summaries_.find(config_hash);
  return found == summaries_.end() ? nullptr : &found->second;
}

std::vector<std::string> SweepResults::hashes() const {
  std::vector<std::string> hashes;
  for (const auto& [hash, summary] : summaries_) hashes.push_back(hash);
  return hashes;
}

void SweepResults::add(const std::string& name, nlohmann::ordered_json summary) {
  summary.erase("layers");
  make_directories(directory_);
  write_file_durably(directory_ / (name + ".json"), summary.dump(2) + "\n");
  const std::string hash = summary.at("config_hash");
  summaries_[hash] = std::move(summary);
}

}  // namespace espalier
