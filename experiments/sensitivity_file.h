// Points of a sensitivity analysis in a file, a line each as they come, after one that says what is analysed:
// an analysis that was stopped goes on from there.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "experiments/run_directory.h"
#include "experiments/sensitivity.h"

namespace espalier {

nlohmann::ordered_json to_json(const SensitivityPoint& point);

class SensitivityFile {
 public:
  // Reads what an earlier analysis of the same `subject` has measured; what is left of a line that was being
  // written when it stopped is cut off. Throws Error: usage when the file is of another subject, integrity
  // when it is damaged, io.
  SensitivityFile(const std::filesystem::path& path, nlohmann::ordered_json subject);

  const std::vector<SensitivityPoint>& points() const { return points_; }
  // The first of a new file brings the subject with it: an analysis that is refused leaves none.
  void append(const SensitivityPoint& point);

 private:
  nlohmann::ordered_json subject_;
  std::vector<SensitivityPoint> points_;
  MetricsFile lines_;
};

}  // namespace espalier
