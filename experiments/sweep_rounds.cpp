#include "experiments/sweep_rounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "experiments/spread.h"

namespace espalier {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char *kDensity = "density", *kTicket = "ticket";

// Figures `key` of round `r`, one a run that has it.
std::vector<double> figures(const Json& runs, std::size_t r, const std::string& key) {
  std::vector<double> values;
  for (const Json& run : runs) {
    if (!run.contains("rounds") || run["rounds"].size() <= r) continue;
    const Json& round = run["rounds"][r];
    if (round.contains(key) && round[key].is_number()) values.push_back(round[key].get<double>());
  }
  return values;
}

// The ticket first, then controls in the order in which they come.
std::vector<std::string> columns_of(const Json& runs) {
  std::vector<std::string> columns = {kTicket};
  for (const Json& run : runs) {
    for (const Json& round : run.value("rounds", Json::array())) {
      for (const auto& [key, value] : round.items()) {
        if (key != kDensity && std::find(columns.begin(), columns.end(), key) == columns.end())
          columns.push_back(key);
      }
    }
  }
  return columns;
}

std::string table_of(const std::string& name, const Json& runs) {
  const std::vector<std::string> columns = columns_of(runs);
  std::string text = fmt::format("\n## {}\n\n| round | nonzero |", name), rule = "|---|---|";
  for (const std::string& column : columns) {
    text += fmt::format(" {} |", column);
    rule += "---|";
  }
  text += "\n" + rule + "\n";
  for (std::size_t r = 0;; ++r) {
    const std::vector<double> density = figures(runs, r, kDensity);
    if (density.empty()) return r == 0 ? "" : text;
    text += fmt::format("| {} | {:.2f}% |", r, 100.0 * spread_of(density).mean);
    for (const std::string& column : columns) {
      const std::vector<double> accuracies = figures(runs, r, column);
      text += accuracies.empty() ? " |" : fmt::format(" {} |", spread_text(spread_of(accuracies)));
    }
    text += "\n";
  }
}

}  // namespace

nlohmann::ordered_json rounds_json(const nlohmann::ordered_json& summary) {
  Json rounds = Json::array();
  for (const Json& stage : summary.value("stages", Json::array())) {
    if (!stage.contains("rounds")) continue;
    rounds = Json::array();
    for (const Json& round : stage["rounds"]) {
      const double density =
          round["nonzero_parameters"].get<double>() / std::max(round["parameters"].get<double>(), 1.0);
      rounds.push_back({{kDensity, density}, {kTicket, round.value("test_accuracy", Json())}});
    }
    for (const Json& control : stage.value("controls", Json::array())) {
      const auto r = control["round"].get<std::size_t>();
      if (r < rounds.size())
        rounds[r][control["control"].get<std::string>()] = control.value("test_accuracy", Json());
    }
  }
  return rounds;
}

std::string rounds_markdown(const nlohmann::ordered_json& table) {
  std::string text;
  for (const Json& row : table["rows"]) {
    if (row["cells"].size() == 1) text += table_of(row["name"].get<std::string>(), row["cells"][0]["runs"]);
  }
  if (text.empty()) return "";
  return "\nTest accuracy after each round, beside the nonzero parameters of all, and of its controls:\n" +
         text;
}

}  // namespace espalier
