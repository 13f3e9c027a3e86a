#include "experiments/deciding_lines.h"

#include <algorithm>

#include "experiments/config/canonical.h"

namespace espalier {
namespace {

// "stage.0.name", not "stage.0.prune.0.scope.layer.0.name".
bool names_a_stage(const std::string& key) {
  return key.starts_with("stage.") && key.ends_with(".name") && std::count(key.begin(), key.end(), '.') == 2;
}

}  // namespace

std::vector<std::string> deciding_lines(ExperimentConfig& config) {
  std::vector<std::string> lines = canonical_lines(config);
  std::erase_if(lines, [](const std::string& line) {
    const std::string key = line.substr(0, line.find('='));
    return key == "name" || key == "data.path" || key == "data.if_missing" ||
           key.starts_with("checkpoint.") || names_a_stage(key);
  });
  return lines;
}

}  // namespace espalier
