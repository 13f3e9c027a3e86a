#include "experiments/results_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "experiments/config/document.h"
#include "experiments/experiment_config.h"
#include "experiments/reporter.h"
#include "framework/core/error.h"
#include "framework/core/files.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = 4 << 20;
constexpr const char* kBegin = "<!-- table: written by `espalier results` -->\n";
constexpr const char* kEnd = "<!-- end of table -->\n";

// "94.05%", over which views of an image where these are more than one, and with which precision unless f32.
std::string percent(const nlohmann::json& summary, const char* key) {
  if (!summary.contains(key) || !summary[key].is_number()) return "";
  const std::string views = summary.value("views", "");
  const std::string precision = summary.value("precision", "");
  return fmt::format("{:.2f}%{}{}", summary[key].get<double>(),
                     views.empty() ? "" : " (views: " + views + ")",
                     precision.empty() ? "" : " (" + precision + ")");
}

std::vector<std::string> overrides(const nlohmann::json& summary) {
  std::vector<std::string> keys = {fmt::format("seed={}", summary.at("seed").get<std::int64_t>())};
  const std::string precision = summary.value("precision", "");
  if (!precision.empty()) keys.push_back("precision=" + precision);
  return keys;
}

// What it takes to have the result again, and whether that is the experiment it came from. Runs of older
// programs chose kernels by the fixed rule.
std::string command(const nlohmann::json& summary, const fs::path& configs) {
  const std::string file = summary.at("name").get<std::string>() + ".toml";
  const std::vector<std::string> keys = overrides(summary);
  const std::string text =
      fmt::format("`espalier run experiments/configs/{} {}{}`", file, fmt::join(keys, " "),
                  summary.value("kernels", "fixed") == "fixed" ? " --no-tune" : "");
  if (!fs::exists(configs / file)) return text + ", a config that is not here";
  ExperimentConfig config = read_experiment(parse_config_file((configs / file).string()), keys);
  return config_hash(config) == summary.value("config_hash", "") ? text : text + ", with other keys";
}

std::string row(const nlohmann::json& summary, const fs::path& configs) {
  const auto parameters = summary.at("parameters").get<std::int64_t>();
  const auto nonzeros = summary.at("nonzero_parameters").get<std::int64_t>();
  const bool pruned = nonzeros < parameters;
  return fmt::format("| {} | {} | {} | {} | {} | {} | {:.2f} M | {:.2f} M | {} | {} | {} |\n",
                     summary.at("name").get<std::string>(), summary.at("dataset").get<std::string>(),
                     summary.at("seed").get<std::int64_t>(), summary.at("epochs").get<std::int64_t>(),
                     percent(summary, pruned ? "dense_test_accuracy" : "test_accuracy"),
                     pruned ? percent(summary, "test_accuracy") : "", static_cast<double>(parameters) * 1e-6,
                     static_cast<double>(nonzeros) * 1e-6,
                     format_seconds(summary.at("wall_seconds").get<double>()),
                     summary.at("isa").get<std::string>(), command(summary, configs));
}

}  // namespace

std::string results_table(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  if (error) fail(ErrorKind::io, "results", "cannot read {}: {}", directory.string(), error.message());
  std::sort(files.begin(), files.end());
  std::string table =
      "| config | data | seed | epochs | dense accuracy | pruned accuracy | parameters | nonzero | time | "
      "isa | "
      "command |\n|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const fs::path& file : files) {
    try {
      table += row(nlohmann::json::parse(read_file(file, kMaxFileBytes)), directory / ".." / "configs");
    } catch (const nlohmann::json::exception& problem) {
      fail(ErrorKind::integrity, "results", "{} is no summary of a run: {}", file.string(), problem.what());
    }
  }
  return table;
}

void update_results_readme(const fs::path& directory) {
  const fs::path path = directory / "README.md";
  const std::string text = read_file(path, kMaxFileBytes);
  const std::size_t begin = text.find(kBegin), end = text.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin)
    fail(ErrorKind::integrity, "results", "{} lacks the lines {}and {}", path.string(), kBegin, kEnd);
  write_file_durably(
      path, text.substr(0, begin) + kBegin + "\n" + results_table(directory) + "\n" + text.substr(end));
}

}  // namespace espalier
