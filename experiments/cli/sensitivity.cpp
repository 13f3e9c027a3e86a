// espalier sensitivity CHECKPOINT
#include "experiments/sensitivity.h"

#include <fmt/format.h>

#include <optional>
#include <set>

#include "experiments/cli/lists.h"
#include "experiments/cli/open_saved.h"
#include "experiments/measure.h"
#include "experiments/sensitivity_file.h"
#include "experiments/stages/scoring_batches.h"
#include "framework/core/error.h"

namespace espalier::cli {
namespace {

constexpr const char* kWhere = "espalier sensitivity";

std::vector<double> sparsities(const cxxopts::ParseResult& arguments) {
  std::vector<double> sparsities = numbers(arguments["sparsities"].as<std::string>(), "sparsities");
  for (const double value : sparsities) {
    if (!(value > 0.0 && value <= 1.0))
      fail(ErrorKind::usage, kWhere, "--sparsities are numbers above 0, up to 1, got {}", value);
  }
  return sparsities;
}

// A line a layer, a column for each sparsity that any of them was measured at.
void print_table(const std::vector<SensitivityPoint>& points) {
  std::set<double> sparsities;
  for (const SensitivityPoint& point : points) {
    if (!point.layer.empty()) sparsities.insert(point.sparsity);
  }
  fmt::print("{:<34}", "layer");
  for (const double sparsity : sparsities) fmt::print(" {:>8.0f}%", 100.0 * sparsity);
  std::set<double>::const_iterator column = sparsities.end();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const SensitivityPoint& point = points[i];
    if (point.layer.empty()) {
      fmt::print("\n{:<34} {:>8.2f}%  accuracy without pruning", "", point.accuracy_percent);
      continue;
    }
    if (i == 0 || points[i - 1].layer != point.layer) {
      fmt::print("\n{:<34}", point.layer);
      column = sparsities.begin();
    }
    for (; column != sparsities.end() && *column < point.sparsity; ++column) fmt::print(" {:>9}", "");
    fmt::print(" {:>8.2f}%", point.accuracy_percent);
    if (column != sparsities.end()) ++column;
  }
  fmt::print("\n");
}

// As the scope of a pruner, in one line: a config takes it, and so does "stage.<label>.prune.0.scope=...".
std::string scope_of(const std::vector<std::pair<std::string, double>>& sparsities) {
  std::string rows;
  for (const auto& [layer, sparsity] : sparsities)
    rows += fmt::format("{}{{ name = \"{}\", sparsity = {} }}", rows.empty() ? "" : ", ", layer, sparsity);
  return fmt::format("{{ kind = \"table\", layer = [{}] }}", rows);
}

}  // namespace

int sensitivity(int argc, char** argv) {
  cxxopts::Options options("espalier sensitivity",
                           "accuracy against sparsity when one layer alone is pruned, without training");
  add_saved_model_options(options, "validation");
  options.add_options()(
      "sparsities",
      "of each layer; without: of heads one less after the other, of branches all or nothing, "
      "else 0.25,0.5,0.75,0.9, as far as the granularity goes",
      cxxopts::value<std::string>()->default_value(""),
      "LIST")("criterion", "what a weight is worth",
              cxxopts::value<std::string>()->default_value("magnitude"), "NAME")(
      "granularity",
      "what is pruned as one: element, filter, head, neuron, branch, ...; a layer is then the heads of "
      "an attention, the neurons of an MLP, a branch",
      cxxopts::value<std::string>()->default_value("element"),
      "NAME")("drop", "also give the sparsities that lose at most so many points, as a pruner's scope",
              cxxopts::value<double>(),
              "POINTS")("out", "write points there as they come; go on from there when it exists",
                        cxxopts::value<std::string>(), "FILE")("json", "as JSON")(
      "each", "every head, neuron or branch by itself, whatever its score");
  const auto arguments = parse(options, argc, argv, kSavedModelPositionals);
  if (!arguments) return 0;

  const SensitivitySettings settings{sparsities(*arguments), (*arguments)["criterion"].as<std::string>(),
                                     (*arguments)["granularity"].as<std::string>(),
                                     arguments->count("each") > 0};
  if (settings.each && arguments->count("drop") > 0)
    fail(ErrorKind::usage, kWhere,
         "--drop is of sparsities of layers, --each of single heads, neurons or branches");
  check_settings(settings);
  const OpenedModel opened = open_saved(*arguments, kWhere);
  nlohmann::ordered_json subject = {{"weights_sha256", train::weights_sha256(*opened.saved.model)},
                                    {"dataset", opened.data.name},
                                    {"split", opened.split_name},
                                    {"images", opened.split->size()},
                                    {"criterion", settings.criterion},
                                    {"granularity", settings.granularity},
                                    {"sparsities", settings.sparsities}};
  if (settings.each) subject["each"] = true;
  if (opened.config.precision != "f32") subject["precision"] = opened.config.precision;
  std::optional<SensitivityFile> out;
  if (arguments->count("out") > 0) out.emplace((*arguments)["out"].as<std::string>(), subject);
  std::vector<SensitivityPoint> points = out ? out->points() : std::vector<SensitivityPoint>();
  const ScoringBatches scoring(*opened.saved.model, opened.data, opened.config, 0.0);
  const auto measure_model = [&] {
    return measure(*opened.saved.model, opened.split, opened.data.normalisation, opened.config.evaluate,
                   opened.config.activation_type());
  };
  const std::vector<SensitivityPoint> known = points;
  std::vector<std::pair<std::string, std::string>> left_out;  // layer, reason
  measure_sensitivity(
      scoring.data(), settings, measure_model, known,
      [&](const SensitivityPoint& point) {
        points.push_back(point);
        if (out) out->append(point);
      },
      [&](const std::string& layer, const std::string& reason) { left_out.emplace_back(layer, reason); });
  std::optional<double> drop;
  if (arguments->count("drop") > 0) drop = (*arguments)["drop"].as<double>();
  if (arguments->count("json") > 0) {
    nlohmann::ordered_json all = subject;
    for (const SensitivityPoint& point : points) all["points"].push_back(to_json(point));
    for (const auto& [layer, reason] : left_out)
      all["left_out"].push_back({{"layer", layer}, {"reason", reason}});
    if (drop) all["scope"] = scope_of(sparsities_within(points, *drop));
    print_json(all);
    return 0;
  }
  print_table(points);
  for (const auto& [layer, reason] : left_out)
    fmt::print("{} is left out: criterion '{}' cannot tell its units apart, {}\n", layer, settings.criterion,
               reason);
  if (drop) {
    fmt::print("\n# at most {} points lost by each layer alone\nscope = {}\n", *drop,
               scope_of(sparsities_within(points, *drop)));
  }
  return 0;
}

}  // namespace espalier::cli
