// espalier run CONFIG [key=value ...]
#include "experiments/cli/command.h"
#include "experiments/cli/run_options.h"
#include "experiments/common_start.h"
#include "experiments/kernels_file.h"
#include "experiments/runner.h"
#include "experiments/sweep.h"
#include "framework/core/error.h"

namespace espalier::cli {

int run(int argc, char** argv) {
  cxxopts::Options options("espalier run", "run an experiment, or go on with it where it was");
  add_run_options(options);
  options.add_options()("out", "directory of the run; without it runs/<name>-<hash>",
                        cxxopts::value<std::string>(), "DIR")(
      "kernels", "kernels.json of another run: compute on the same kernels", cxxopts::value<std::string>(),
      "FILE")("start-from", "a run whose config agrees in its first stages: they are taken from there",
              cxxopts::value<std::string>(),
              "DIR")("config", "the config, TOML", cxxopts::value<std::string>(), "FILE")(
      "overrides", "keys to change: seed=7 stage.0.epochs=3 model=resnet18",
      cxxopts::value<std::vector<std::string>>(), "key=value");
  options.parse_positional({"config", "overrides"});
  const auto arguments = parse(options, argc, argv, "CONFIG [key=value ...]");
  if (!arguments) return 0;
  const std::string path = required(*arguments, "config");
  const ConfigNode document = parse_config_file(path);
  if (is_sweep(document))
    fail(ErrorKind::usage, "espalier run", "{} is a sweep: use `espalier sweep {}`", path, path);
  ExperimentConfig config = read_experiment(document, overrides(*arguments));
  const std::filesystem::path directory = arguments->count("out") > 0
                                              ? std::filesystem::path((*arguments)["out"].as<std::string>())
                                              : default_run_directory(config);
  std::optional<RunKernels> kernels;
  if (arguments->count("kernels") > 0) kernels = kernels_to_adopt((*arguments)["kernels"].as<std::string>());
  if (kernels && arguments->count("start-from") > 0)
    fail(ErrorKind::usage, "espalier run",
         "--start-from brings the kernels that its run was computed on; leave out --kernels");
  Reporter reporter = begin_run(*arguments);
  if (arguments->count("start-from") > 0)
    start_from(config, directory, (*arguments)["start-from"].as<std::string>(), reporter);
  return run_in_directory(*arguments, config, directory, reporter, kernels);
}

}  // namespace espalier::cli
