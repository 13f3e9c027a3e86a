#include "experiments/summary.h"

#include <algorithm>
#include <vector>

#include "experiments/build_info.h"
#include "experiments/reporter.h"
#include "framework/train/checkpoint.h"
#include "kernels/backend.h"
#include "kernels/base/isa.h"
#include "kernels/base/parallel.h"

namespace espalier {
namespace {

using Json = nlohmann::ordered_json;

// "1,234,567"
std::string thousands(std::int64_t value) {
  const std::string digits = std::to_string(value);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string percent_or_dash(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? fmt::format("{:.2f}%", found->get<double>()) : "-";
}

double fraction(const Json& object, const char* part, const char* whole) {
  return object.at(part).get<double>() / std::max(object.at(whole).get<double>(), 1.0);
}

// Of the model before any of it was removed.
std::int64_t dense_parameters(const Json& stages) {
  std::int64_t most = 0;
  for (const Json& stage : stages) {
    most = std::max(most, stage.at("parameters").get<std::int64_t>());
    if (stage.contains("shrink"))
      most = std::max(most, stage.at("shrink").at("parameters_before").get<std::int64_t>());
  }
  return most;
}

std::string stage_rows(const Json& stages, std::int64_t parameters) {
  std::vector<Json> trainings;
  for (const Json& stage : stages) {
    for (const char* parts : {"rounds", "controls"}) {
      for (const Json& part : stage.value(parts, Json::array())) trainings.push_back(part);
    }
    if (!stage.contains("rounds")) trainings.push_back(stage);
  }
  std::size_t width = 14;
  for (const Json& training : trainings)
    width = std::max(width, training.at("label").get<std::string>().size());
  std::string text = fmt::format("{:<{}} {:>6} {:>10} {:>14} {:>9} {:>12}\n", "stage", width, "epochs",
                                 "test", "nonzero", "density", "time");
  for (const Json& training : trainings) {
    text += fmt::format(
        "{:<{}} {:>6} {:>10} {:>14} {:>8.1f}% {:>12}\n", training.at("label").get<std::string>(), width,
        training.at("epochs").get<std::int64_t>(), percent_or_dash(training, "test_accuracy"),
        thousands(training.at("nonzero_parameters").get<std::int64_t>()),
        100.0 * training.at("nonzero_parameters").get<double>() / static_cast<double>(parameters),
        format_seconds(training.at("wall_seconds").get<double>()));
  }
  return text;
}

std::string layer_rows(const Json& layers) {
  std::string text =
      fmt::format("\n{:<34} {:>14} {:>14} {:>9}\n", "layer", "parameters", "nonzero", "density");
  for (const Json& layer : layers) {
    text += fmt::format("{:<34} {:>14} {:>14} {:>8.1f}%\n", layer.at("name").get<std::string>(),
                        thousands(layer.at("parameters").get<std::int64_t>()),
                        thousands(layer.at("nonzeros").get<std::int64_t>()),
                        100.0 * fraction(layer, "nonzeros", "parameters"));
  }
  return text;
}

// Layers that can be pruned: those with weights that multiply.
Json layers_json(const nn::ModelSummary& cost) {
  Json layers = Json::array();
  for (const nn::LayerSummary& layer : cost.layers) {
    if (layer.macs > 0 && layer.parameters > 0) layers.push_back(layer_json(layer));
  }
  return layers;
}

// The accuracy of the last stage that ended with all its weights.
void add_dense_accuracy(Json& summary, const Json& stages) {
  for (const Json& stage : stages) {
    if (stage.at("nonzero_parameters") == dense_parameters(stages) && stage.contains("test_accuracy"))
      summary["dense_test_accuracy"] = stage.at("test_accuracy");
  }
}

}  // namespace

double density(const nn::LayerSummary& layer) {
  if (layer.parameters == 0) return 1.0;  // attention: nothing in it can be pruned
  return static_cast<double>(layer.nonzeros) / static_cast<double>(layer.parameters);
}

Json layer_json(const nn::LayerSummary& layer) {
  return {{"name", layer.name},
          {"type", layer.type},
          {"output", std::vector<std::int64_t>(layer.output.begin(), layer.output.end())},
          {"parameters", layer.parameters},
          {"nonzeros", layer.nonzeros},
          {"density", density(layer)},
          {"macs", layer.macs},
          {"effective_macs", layer.effective_macs}};
}

Json stage_summary(const StageContext& context, const std::string& kind, const StageResult& result,
                   const nn::ModelSummary& cost) {
  Json json = {{"label", context.label}, {"kind", kind}, {"epochs", result.epochs}, {"steps", result.steps}};
  if (result.test_accuracy_percent) json["test_accuracy"] = *result.test_accuracy_percent;
  if (result.test_loss) json["test_loss"] = *result.test_loss;
  if (result.validation_accuracy_percent) json["validation_accuracy"] = *result.validation_accuracy_percent;
  json["parameters"] = cost.total.parameters;
  json["nonzero_parameters"] = cost.total.nonzeros;
  json["weights_sha256"] = train::weights_sha256(context.model);
  json["wall_seconds"] = result.wall_seconds;
  if (!result.rounds.empty()) json["rounds"] = result.rounds;
  for (const auto& [key, value] : result.details.items()) json[key] = value;
  return json;
}

Json experiment_summary(ExperimentConfig& config, const datasets::Splits& data, const Json& stages,
                        const nn::ModelSummary& cost, nn::Module& model) {
  std::int64_t epochs = 0;
  double wall_seconds = 0.0;
  for (const Json& stage : stages) {
    epochs += stage.at("epochs").get<std::int64_t>();
    wall_seconds += stage.at("wall_seconds").get<double>();
  }
  Json summary = {{"name", config.name},        {"config_hash", config_hash(config)},
                  {"model", config.model_kind}, {"dataset", data.name},
                  {"seed", config.seed},        {"epochs", epochs},
                  {"test_accuracy", nullptr}};
  summary["test_accuracy"] = stages.back().value("test_accuracy", Json());
  if (config.evaluate.views != "one") summary["views"] = config.evaluate.views;
  if (config.precision != "f32") summary["precision"] = config.precision;
  add_dense_accuracy(summary, stages);
  summary["parameters"] = dense_parameters(stages);
  summary["nonzero_parameters"] = cost.total.nonzeros;
  summary["macs"] = cost.total.macs;
  summary["effective_macs"] = cost.total.effective_macs;
  summary["weights_sha256"] = train::weights_sha256(model);
  summary["wall_seconds"] = wall_seconds;
  summary["isa"] = kernels::isa_name(kernels::active_isa());
  summary["backend"] = kernels::backend_name(kernels::active_backend());
  summary["threads"] = kernels::num_threads();
  summary["build"] = build_description();
  summary["stages"] = stages;
  summary["layers"] = layers_json(cost);
  return summary;
}

std::string summary_table(const Json& summary) {
  std::string text = stage_rows(summary.at("stages"), summary.at("parameters").get<std::int64_t>()) +
                     layer_rows(summary.at("layers"));
  const double kept = fraction(summary, "nonzero_parameters", "parameters");
  text += fmt::format("\n{} on {}: test accuracy {}", summary.at("model").get<std::string>(),
                      summary.at("dataset").get<std::string>(), percent_or_dash(summary, "test_accuracy"));
  if (summary.contains("views")) text += fmt::format(" (views: {})", summary.at("views").get<std::string>());
  if (summary.contains("precision")) text += fmt::format(" ({})", summary.at("precision").get<std::string>());
  if (kept < 1.0 && summary.contains("dense_test_accuracy"))
    text += fmt::format(" (dense: {})", percent_or_dash(summary, "dense_test_accuracy"));
  text += fmt::format(", {} of {} parameters ({:.1f}%), {}\n",
                      thousands(summary.at("nonzero_parameters").get<std::int64_t>()),
                      thousands(summary.at("parameters").get<std::int64_t>()), 100.0 * kept,
                      format_seconds(summary.at("wall_seconds").get<double>()));
  return text;
}

}  // namespace espalier
