// espalier config check|show|help
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "experiments/cli/command.h"
#include "experiments/config/help.h"
#include "experiments/config/toml_writer.h"
#include "experiments/experiment_config.h"
#include "experiments/sweep.h"
#include "framework/core/error.h"
#include "framework/core/suggest.h"

namespace espalier::cli {
namespace {

int print_help() {
  ConfigHelp experiment, sweep;
  ExperimentConfig().fields(experiment);
  SweepConfig().fields(sweep);
  fmt::print("# An experiment, for `espalier run`:\n\n{}\n", experiment.text());
  fmt::print("# A sweep, for `espalier sweep`:\n\n{}", sweep.text());
  return 0;
}

int check_config(ExperimentConfig& config, bool json) {
  const std::string hash = config_hash(config);
  if (json) {
    fmt::print("{}\n", nlohmann::json{{"name", config.name}, {"config_hash", hash}}.dump());
  } else {
    fmt::print("{}: ok, {} stage{}, hash {}\n", config.name, config.stages.size(),
               config.stages.size() == 1 ? "" : "s", hash);
  }
  return 0;
}

// A sweep's own keys and the config of each of its cells.
int check_sweep(const std::string& path, const std::vector<std::string>& changes, bool json) {
  const Sweep sweep(path, changes);
  const std::string& name = sweep.config().name;
  const std::size_t rows = sweep.config().rows.size(), cells = sweep.cells().size();
  if (json) {
    fmt::print("{}\n", nlohmann::json{{"name", name}, {"rows", rows}, {"cells", cells}}.dump());
  } else {
    fmt::print("{}: ok, a sweep of {} row{}, {} experiment{}\n", name, rows, rows == 1 ? "" : "s", cells,
               cells == 1 ? "" : "s");
  }
  return 0;
}

}  // namespace

int config(int argc, char** argv) {
  cxxopts::Options options(
      "espalier config",
      "check: are the keys of a config or a sweep right? Data is not read.  show: every key as it resolves.  "
      "help: all keys there are.");
  options.add_options()("json", "check: name and hash as JSON")("action", "check, show or help",
                                                                cxxopts::value<std::string>(), "ACTION")(
      "config", "the config or, to check, the sweep, TOML", cxxopts::value<std::string>(), "FILE")(
      "overrides", "keys to change", cxxopts::value<std::vector<std::string>>(), "key=value");
  options.parse_positional({"action", "config", "overrides"});
  const auto arguments = parse(options, argc, argv, "check|show|help [CONFIG [key=value ...]]");
  if (!arguments) return 0;
  const std::string action = required(*arguments, "action");
  if (action == "help") return print_help();
  if (action != "check" && action != "show") {
    fail(ErrorKind::usage, "espalier config", "there is no action '{}'{} (known: check, show, help)", action,
         did_you_mean(action, {"check", "show", "help"}));
  }
  const std::string path = required(*arguments, "config");
  const ConfigNode document = parse_config_file(path);
  const bool json = arguments->count("json") > 0;
  if (is_sweep(document)) {
    if (action == "check") return check_sweep(path, overrides(*arguments), json);
    fail(ErrorKind::usage, "espalier config",
         "{} is a sweep; `espalier sweep {} --list` shows its experiments", path, path);
  }
  ExperimentConfig experiment = read_experiment(document, overrides(*arguments));
  if (action == "check") return check_config(experiment, json);
  fmt::print("{}", config_toml(experiment, true));
  return 0;
}

}  // namespace espalier::cli
