// Figures read back from result.json and summary.json. Both may have been edited, cut off or swapped: what
// comes back has every figure that tables and later stages take from it, of the type that they take.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace espalier {

// Of a stage. Throws Error: io when it cannot be read, integrity when it is not what stage_summary makes.
nlohmann::ordered_json read_result(const std::filesystem::path& path);

// Of a run. Throws Error: io when it cannot be read, integrity when it is not what experiment_summary makes.
nlohmann::ordered_json read_summary(const std::filesystem::path& path);

}  // namespace espalier
