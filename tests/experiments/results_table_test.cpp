#include "experiments/results_table.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "experiments/config/document.h"
#include "experiments/experiment_config.h"
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

TEST_CASE("a result whose config has changed since, or is gone, says so") {
  const testing::TemporaryDirectory directory;
  const std::filesystem::path results = directory.path() / "results", configs = directory.path() / "configs";
  std::filesystem::create_directories(results);
  std::filesystem::create_directories(configs);
  const std::string text = "name = \"tried\"\n[[stage]]\nepochs = 2\n";
  ExperimentConfig config = read_experiment(parse_config_text(text, "tried"), {"seed=3"});
  const nlohmann::json summary = {{"name", "tried"},
                                  {"config_hash", config_hash(config)},
                                  {"dataset", "synthetic"},
                                  {"seed", 3},
                                  {"epochs", 2},
                                  {"test_accuracy", 93.784},
                                  {"parameters", 1000},
                                  {"isa", "avx2"},
                                  {"nonzero_parameters", 1000},
                                  {"wall_seconds", 60.0}};
  write_file_durably(results / "tried.json", summary.dump());
  const auto ends = [&](const std::string& what) {
    return results_table(results).find("tried.toml seed=3 --no-tune`" + what) != std::string::npos;
  };
  CHECK(ends(", a config that is not here |"));
  write_file_durably(configs / "tried.toml", text);
  CHECK(ends(" |"));
  write_file_durably(configs / "tried.toml", text + "optimizer = { kind = \"sgd\", lr = 0.3 }\n");
  CHECK(ends(", with other keys |"));
}
