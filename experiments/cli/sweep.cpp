// espalier sweep SWEEP [key=value ...]
#include "experiments/sweep.h"

#include <fmt/format.h>

#include "experiments/cli/command.h"
#include "experiments/cli/run_options.h"
#include "experiments/common_start.h"
#include "experiments/sweep_table.h"
#include "framework/core/error.h"

namespace espalier::cli {
namespace {

int list(const Sweep& sweep, const std::vector<const SweepCell*>& cells) {
  for (const SweepCell* cell : cells) {
    fmt::print("{:<10} {:<44} {}\n", state_name(sweep.state(*cell)), cell->label,
               sweep.place(*cell).string());
  }
  return 0;
}

}  // namespace

int sweep(int argc, char** argv) {
  cxxopts::Options options("espalier sweep",
                           "run a matrix of experiments, or go on with it, and write its tables");
  add_run_options(options);
  options.add_options()("list", "only list the cells and their states")(
      "tables", "run nothing; write and print the tables of what is done")(
      "only", "rows or cells that match, * and ? as in file names; may be repeated",
      cxxopts::value<std::vector<std::string>>(), "PATTERN")(
      "out", "directory of the runs and tables; without it runs/<name>", cxxopts::value<std::string>(),
      "DIR")("results",
             "summaries of earlier runs, small enough to commit: what stands there is done; what gets done "
             "is added, and the table is its README.md",
             cxxopts::value<std::string>(), "DIR")(
      "start-from",
      "a run outside the sweep: cells whose configs agree with it in their first stages take them "
      "from there",
      cxxopts::value<std::vector<std::string>>(),
      "DIR")("sweep", "the sweep, TOML", cxxopts::value<std::string>(), "FILE")(
      "overrides", "keys to change in every cell", cxxopts::value<std::vector<std::string>>(), "key=value");
  options.parse_positional({"sweep", "overrides"});
  const auto arguments = parse(options, argc, argv, "SWEEP [key=value ...]");
  if (!arguments) return 0;
  const auto directory = [&](const char* option) {
    return arguments->count(option) > 0 ? (*arguments)[option].as<std::string>() : "";
  };
  Sweep sweep(required(*arguments, "sweep"), overrides(*arguments), directory("out"), directory("results"));
  const std::vector<const SweepCell*> cells =
      sweep.select(arguments->count("only") > 0 ? (*arguments)["only"].as<std::vector<std::string>>()
                                                : std::vector<std::string>{});
  if (arguments->count("list") > 0) return list(sweep, cells);
  std::int64_t left = 0;
  if (arguments->count("tables") > 0) {
    sweep.write_tables();
  } else {
    Reporter reporter = begin_run(*arguments);
    std::vector<std::filesystem::path> starts;
    if (arguments->count("start-from") > 0) {
      for (const std::string& run : (*arguments)["start-from"].as<std::vector<std::string>>()) {
        expect_run(run);
        starts.emplace_back(run);
      }
    }
    left = sweep.run(cells, reporter, starts);
  }
  const nlohmann::ordered_json table = sweep_json(sweep);
  if (arguments->count("json") > 0) {
    print_json(table);
  } else {
    fmt::print("{}", sweep_markdown(table));
  }
  return left == 0 ? 0 : static_cast<int>(ErrorKind::not_finite);
}

}  // namespace espalier::cli
