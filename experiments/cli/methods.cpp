// espalier methods: every name that a config can use, by family; and the methods of papers.
#include "experiments/methods.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "datasets/dataset.h"
#include "experiments/cli/command.h"
#include "experiments/stages/stage.h"
#include "framework/optim/lr_schedule.h"
#include "framework/optim/registry.h"
#include "models/registry.h"
#include "pruning/combinations.h"
#include "pruning/pruner.h"

namespace espalier::cli {
namespace {

using Json = nlohmann::ordered_json;

template <class Base>
Json rows(const Registry<Base>& registry) {
  Json json = Json::array();
  for (const auto& row : registry.rows()) json.push_back({{"name", row.name}, {"help", row.help}});
  return json;
}

Json rows(const std::vector<pruning::Method>& methods) {
  Json json = Json::array();
  for (const pruning::Method& method : methods)
    json.push_back({{"name", method.name}, {"help", fmt::format("{}  ({})", method.keys, method.paper)}});
  return json;
}

Json command_rows() {
  Json json = Json::array();
  json.push_back({{"name", "sensitivity"},
                  {"help", "espalier sensitivity RUN --drop 1  (Han et al. 2015, Li et al. 2017)"}});
  return json;
}

Json refusal_rows() {
  Json json = Json::array();
  for (const pruning::Combination& combination : pruning::senseless_combinations())
    json.push_back({{"name", fmt::format("{}:", combination.parts)}, {"help", combination.reason}});
  return json;
}

}  // namespace

int methods(int argc, char** argv) {
  cxxopts::Options options("espalier methods",
                           "list what configs can name; `espalier config help` lists all keys");
  options.add_options()("json", "as JSON");
  const auto arguments = parse(options, argc, argv);
  if (!arguments) return 0;
  const Json families = {{"model", rows(models::model_registry())},
                         {"data", rows(datasets::dataset_registry())},
                         {"stage", rows(stage_registry())},
                         {"stage.optimizer", rows(optim::optimizer_registry())},
                         {"stage.schedule", rows(optim::lr_schedule_registry())},
                         {"stage.prune.criterion", rows(pruning::criterion_registry())},
                         {"stage.prune.granularity", rows(pruning::granularity_registry())},
                         {"stage.prune.scope", rows(pruning::scope_registry())},
                         {"stage.prune.schedule", rows(pruning::schedule_registry())},
                         {"stage.prune.regrow", rows(pruning::regrow_registry())},
                         {"stage.prune: methods of papers, beside their sparsity", rows(pruning::methods())},
                         {"stage.prune: refused, as it makes no sense", refusal_rows()},
                         {"stage: methods of papers", rows(stage_methods())},
                         {"experiment: methods of papers, beside its stages", rows(experiment_methods())},
                         {"commands: methods of papers", command_rows()}};
  if (arguments->count("json") > 0) {
    print_json(families);
    return 0;
  }
  for (const auto& [family, members] : families.items()) {
    fmt::print("{}\n", family);
    for (const Json& row : members)
      fmt::print("  {:<20} {}\n", row["name"].get<std::string>(), row["help"].get<std::string>());
  }
  return 0;
}

}  // namespace espalier::cli
