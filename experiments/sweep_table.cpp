#include "experiments/sweep_table.h"

#include "experiments/reporter.h"
#include "experiments/spread.h"
#include "experiments/sweep_rounds.h"

namespace espalier {
namespace {

using Json = nlohmann::ordered_json;

double ratio(const Json& summary, const char* part, const char* whole) {
  return summary.at(part).get<double>() / summary.at(whole).get<double>();
}

Json run_json(const Sweep& sweep, const SweepCell& cell) {
  Json run = {{"seed", cell.seed}, {"config_hash", cell.hash}, {"state", state_name(sweep.state(cell))}};
  const std::optional<Json> summary = sweep.summary(cell);
  if (!summary) return run;
  run["test_accuracy"] = summary->at("test_accuracy");
  run["density"] = ratio(*summary, "nonzero_parameters", "parameters");
  run["macs_density"] = ratio(*summary, "effective_macs", "macs");
  run["effective_macs"] = summary->at("effective_macs");
  run["epochs"] = summary->at("epochs");
  run["wall_seconds"] = summary->at("wall_seconds");
  run["isa"] = summary->at("isa");
  run["weights_sha256"] = summary->at("weights_sha256");
  if (Json rounds = rounds_json(*summary); !rounds.empty()) run["rounds"] = std::move(rounds);
  return run;
}

// Adds what the runs come to.
void add_means(Json& cell) {
  std::vector<double> accuracies;
  double density = 0.0, macs = 0.0, seconds = 0.0;
  std::int64_t epochs = 0;
  for (const Json& run : cell["runs"]) {
    if (run["state"] != state_name(CellState::done) || run["test_accuracy"].is_null()) continue;
    accuracies.push_back(run["test_accuracy"].get<double>());
    density += run["density"].get<double>();
    macs += run["effective_macs"].get<double>();
    seconds += run["wall_seconds"].get<double>();
    epochs = run["epochs"].get<std::int64_t>();
  }
  cell["done"] = accuracies.size();
  if (accuracies.empty()) return;
  cell["epochs"] = epochs;
  const auto n = static_cast<double>(accuracies.size());
  const Spread spread = spread_of(accuracies);
  cell["mean_test_accuracy"] = spread.mean;
  if (spread.deviation) cell["spread_test_accuracy"] = *spread.deviation;
  cell["mean_density"] = density / n;
  cell["mean_effective_macs"] = macs / n;
  cell["mean_wall_seconds"] = seconds / n;
}

std::string accuracy_text(const Json& cell) {
  const auto done = cell["done"].get<std::size_t>(), all = cell["runs"].size();
  if (done == 0) return "missing";
  Spread spread{.mean = cell["mean_test_accuracy"].get<double>(), .deviation = std::nullopt};
  if (cell.contains("spread_test_accuracy")) spread.deviation = cell["spread_test_accuracy"].get<double>();
  const std::string text = spread_text(spread);
  return done == all ? text : text + fmt::format(" ({} of {})", done, all);
}

std::string cost_text(const Json& cell) {
  if (cell["done"] == 0) return "missing";
  return fmt::format("{:.2f}%, {:.1f} M, {} epochs, {}", 100.0 * cell["mean_density"].get<double>(),
                     cell["mean_effective_macs"].get<double>() / 1e6, cell["epochs"].get<std::int64_t>(),
                     format_seconds(cell["mean_wall_seconds"].get<double>()));
}

template <class CellText>
std::string markdown_table(const Json& table, const CellText& cell_text) {
  std::string head = "| |", rule = "|---|", body;
  for (const Json& column : table["columns"]) {
    const std::string value = column.get<std::string>();
    head += value.empty() ? " |" : fmt::format(" {} {} |", table["column_key"].get<std::string>(), value);
    rule += "---|";
  }
  for (const Json& row : table["rows"]) {
    body += fmt::format("| {} |", row["name"].get<std::string>());
    for (const Json& cell : row["cells"]) body += fmt::format(" {} |", cell_text(cell));
    body += "\n";
  }
  return head + "\n" + rule + "\n" + body;
}

}  // namespace

nlohmann::ordered_json sweep_json(const Sweep& sweep) {
  const SweepConfig& config = sweep.config();
  Json table = {{"name", config.name},
                {"base", config.base},
                {"column_key", config.columns.key},
                {"columns", config.columns.values},
                {"rows", Json::array()}};
  for (std::size_t r = 0; r < config.rows.size(); ++r) {
    Json row = {{"name", config.rows[r].name}, {"cells", Json::array()}};
    for (std::size_t c = 0; c < config.columns.values.size(); ++c) {
      Json cell = {{"column", config.columns.values[c]}, {"runs", Json::array()}};
      for (const SweepCell& run : sweep.cells()) {
        if (run.row == r && run.column == c) cell["runs"].push_back(run_json(sweep, run));
      }
      add_means(cell);
      row["cells"].push_back(std::move(cell));
    }
    table["rows"].push_back(std::move(row));
  }
  return table;
}

std::string sweep_markdown(const nlohmann::ordered_json& table) {
  return fmt::format(
      "# {}\n\nTest accuracy in percent after the last epoch; where several seeds are done, their mean and "
      "standard deviation.\n\n{}\n"
      "Nonzero parameters of all, multiply-adds with them for an image, epochs in total and wall time of a "
      "run:\n\n{}{}",
      table["name"].get<std::string>(), markdown_table(table, accuracy_text),
      markdown_table(table, cost_text), rounds_markdown(table));
}

}  // namespace espalier
