// espalier resume DIR
#include "experiments/cli/command.h"
#include "experiments/cli/run_options.h"
#include "experiments/run_directory.h"

namespace espalier::cli {

int resume(int argc, char** argv) {
  cxxopts::Options options("espalier resume", "go on with a run that was stopped or killed");
  add_run_options(options);
  options.add_options()("directory", "directory of the run", cxxopts::value<std::string>(), "DIR");
  options.parse_positional("directory");
  const auto arguments = parse(options, argc, argv, "DIR");
  if (!arguments) return 0;
  const std::filesystem::path directory = required(*arguments, "directory");
  ExperimentConfig config = read_experiment(parse_config_file(directory / kConfigFile));
  Reporter reporter = begin_run(*arguments);
  return run_in_directory(*arguments, config, directory, reporter);
}

}  // namespace espalier::cli
