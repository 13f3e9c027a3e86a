// Results of a sweep that are kept apart from its runs: a summary a run, small enough to be committed. So a
// matrix can be done in pieces, on several machines, and its results come together here.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace espalier {

class SweepResults {
 public:
  // Reads every *.json in the directory, which need not exist; none when it is empty. Throws Error
  // (integrity) for one that is no summary of a run, (io).
  explicit SweepResults(std::filesystem::path directory = {});

  bool kept() const { return !directory_.empty(); }
  const std::filesystem::path& directory() const { return directory_; }

  // The summary of a run with this config.
  const nlohmann::ordered_json* find(const std::string& config_hash) const;
  // Config hashes of all.
  std::vector<std::string> hashes() const;

  // Writes <directory>/<name>.json: the summary without its table of layers.
  void add(const std::string& name, nlohmann::ordered_json summary);

 private:
  std::filesystem::path directory_;
  std::map<std::string, nlohmann::ordered_json> summaries_;  // by config hash
};

}  // namespace espalier
