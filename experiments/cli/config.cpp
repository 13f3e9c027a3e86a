// espalier config check|show|help
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "experiments/cli/command.h"
#include "experiments/config/help.h"
#include "experiments/config/toml_writer.h"
#include "experiments/experiment_config.h"
#include "framework/core/error.h"
#include "framework/core/suggest.h"

namespace espalier::cli {
namespace {

int print_help() {
  ConfigHelp help;
  ExperimentConfig().fields(help);
  fmt::print("{}", help.text());
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

}  // namespace

int config(int argc, char** argv) {
  cxxopts::Options options(
      "espalier config",
      "check: is a config right?  show: every key as it resolves.  help: all keys there are.");
  options.add_options()("json", "check: name and hash as JSON")("action", "check, show or help",
                                                                cxxopts::value<std::string>(), "ACTION")(
      "config", "the config, TOML", cxxopts::value<std::string>(), "FILE")(
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
  ExperimentConfig experiment =
      read_experiment(parse_config_file(required(*arguments, "config")), overrides(*arguments));
  if (action == "check") return check_config(experiment, arguments->count("json") > 0);
  fmt::print("{}", config_toml(experiment, true));
  return 0;
}

}  // namespace espalier::cli
