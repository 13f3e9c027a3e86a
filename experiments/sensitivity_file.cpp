#include "experiments/sensitivity_file.h"

#include <limits>
#include <sstream>

#include "framework/core/error.h"
#include "framework/core/files.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWhere = "espalier sensitivity";
constexpr std::size_t kMaxFileBytes = 16 << 20;

// NaN and Inf are null in JSON.
double number(const nlohmann::json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

SensitivityPoint point_from_json(const nlohmann::json& json) {
  return {json.at("layer"), json.at("sparsity"), number(json.at("accuracy")), number(json.at("loss"))};
}

}  // namespace

nlohmann::ordered_json to_json(const SensitivityPoint& point) {
  return {{"layer", point.layer},
          {"sparsity", point.sparsity},
          {"accuracy", point.accuracy_percent},
          {"loss", point.loss}};
}

SensitivityFile::SensitivityFile(const fs::path& path, nlohmann::ordered_json subject)
    : subject_(std::move(subject)), lines_(path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return;
  const std::string text = read_file(path, kMaxFileBytes), head = subject_.dump() + "\n";
  const std::size_t whole_lines = text.rfind('\n') + 1;  // in bytes; npos + 1 is 0
  const bool is_ours = whole_lines == 0 ? head.starts_with(text) : text.starts_with(head);
  if (!is_ours) {
    fail(ErrorKind::usage, kWhere, "{} is of another model, split or settings; choose another --out",
         path.string());
  }
  lines_.truncate(static_cast<std::int64_t>(whole_lines));
  if (whole_lines == 0) return;
  std::istringstream lines(text.substr(head.size(), whole_lines - head.size()));
  try {
    for (std::string line; std::getline(lines, line);)
      points_.push_back(point_from_json(nlohmann::json::parse(line)));
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::integrity, kWhere, "{} is damaged: {}; remove it to begin anew", path.string(),
         error.what());
  }
}

void SensitivityFile::append(const SensitivityPoint& point) {
  if (lines_.size_bytes() == 0) lines_.append(subject_);
  lines_.append(to_json(point));
  points_.push_back(point);
}

}  // namespace espalier
