#include "experiments/results_table.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "framework/core/files.h"
#include "tests/support/temporary_directory.h"

using namespace espalier;

TEST_CASE(
    "a result says over which views and in which precision it was measured, and what it takes to choose the "
    "same "
    "kernels") {
  const testing::TemporaryDirectory directory;
  const auto table_of = [&](const nlohmann::json& more) {
    nlohmann::json summary = {{"name", "tried"}, {"dataset", "synthetic"},     {"seed", 3},
                              {"epochs", 2},     {"test_accuracy", 93.784},    {"parameters", 1000},
                              {"isa", "avx2"},   {"nonzero_parameters", 1000}, {"wall_seconds", 60.0}};
    summary.update(more);
    write_file_durably(directory.path() / "tried.json", summary.dump());
    return results_table(directory.path());
  };
  const std::string fixed = table_of(nlohmann::json::object());
  CHECK(fixed.find("| 93.78% |") != std::string::npos);
  CHECK(fixed.find("`espalier run experiments/configs/tried.toml seed=3 --no-tune`") != std::string::npos);
  const std::string measured = table_of({{"kernels", "measured"}, {"views", "shifted"}});
  CHECK(measured.find("| 93.78% (views: shifted) |") != std::string::npos);
  CHECK(measured.find("tried.toml seed=3`") != std::string::npos);
  const std::string narrow = table_of({{"precision", "bf16"}});
  CHECK(narrow.find("| 93.78% (bf16) |") != std::string::npos);
  CHECK(narrow.find("tried.toml seed=3 precision=bf16 --no-tune`") != std::string::npos);
}
