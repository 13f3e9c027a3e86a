// espalier results [DIR]
#include <fmt/format.h>

#include "experiments/cli/command.h"
#include "experiments/results_table.h"

namespace espalier::cli {

int results(int argc, char** argv) {
  cxxopts::Options options("espalier results",
                           "write the table of a directory of summaries into its README.md");
  options.add_options()("print", "only print the table")(
      "directory", "of summary files", cxxopts::value<std::string>()->default_value("experiments/results"),
      "DIR");
  options.parse_positional("directory");
  const auto arguments = parse(options, argc, argv, "[DIR]");
  if (!arguments) return 0;
  const std::string directory = (*arguments)["directory"].as<std::string>();
  if (arguments->count("print") > 0) {
    fmt::print("{}", results_table(directory));
  } else {
    update_results_readme(directory);
  }
  return 0;
}

}  // namespace espalier::cli
