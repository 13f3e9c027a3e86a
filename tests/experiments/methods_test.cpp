#include "experiments/methods.h"

#include <doctest/doctest.h>

#include "experiments/config/document.h"
#include "experiments/config/reader.h"
#include "experiments/experiment_config.h"
#include "models/registry.h"
#include "pruning/combinations.h"
#include "pruning/pruner.h"
#include "tests/experiments/program.h"

namespace espalier {

TEST_CASE("every method that is listed is a config that no rule refuses") {
  const auto model = models::model_registry().make("vgg11")->build({3, 32, 32}, 10, 1);
  for (const pruning::Method& method : pruning::methods()) {
    CAPTURE(method.name);
    const ConfigNode document = parse_config_text(
        std::string("prune = { sparsity = 0.5, exclude = [\"features.0.*\"], ") + method.keys + " }",
        "method");
    pruning::PrunerSettings settings;
    REQUIRE_NOTHROW(read_config(*document.find("prune"), settings));
    CHECK_NOTHROW(pruning::Pruner(std::move(settings), model->parameters(), 1000));
  }
}

TEST_CASE("every method of a stage or an experiment that is listed is a config") {
  const auto reads = [](const std::string& text) {
    CAPTURE(text);
    CHECK_NOTHROW(read_experiment(parse_config_text(text, "method")));
  };
  for (const pruning::Method& method : stage_methods())
    reads(std::string("stage = [{ ") + method.keys + " }]");
  for (const pruning::Method& method : experiment_methods())
    reads(std::string(method.keys) + "\n[[stage]]\n");
}

TEST_CASE("espalier methods lists parts, methods and what is refused") {
  const testing::Outcome outcome = testing::run_program({"methods", "--json"});
  REQUIRE(outcome.exit_code == 0);
  const nlohmann::json families = nlohmann::json::parse(outcome.output);
  for (const char* family : {"stage.prune.criterion", "stage.prune.granularity", "stage.prune.scope",
                             "stage.prune.schedule", "stage.prune.regrow"}) {
    CAPTURE(family);
    CHECK(families.at(family).size() > 2);
  }
  std::string text;
  for (const auto& [family, rows] : families.items()) {
    for (const nlohmann::json& row : rows)
      text += row.at("name").get<std::string>() + " " + row.at("help").get<std::string>() + "\n";
  }
  for (const char* part :
       {"RigL", "network slimming", "soft_movement", "cyclic", "Tanaka et al. 2020", "control = \"shuffle\"",
        "control = \"reinitialise\"  (Frankle et al. 2021)", "Frankle and Carbin 2019", "Frankle et al. 2020",
        "Renda et al. 2020", "Hinton et al. 2015", "Liu et al. 2019", "espalier sensitivity"}) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
  for (const pruning::Combination& combination : pruning::senseless_combinations())
    CHECK(text.find(combination.parts) != std::string::npos);
}

}  // namespace espalier
