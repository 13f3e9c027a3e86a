// espalier inspect CHECKPOINT
#include <fmt/format.h>

#include "experiments/about.h"
#include "experiments/cli/command.h"
#include "experiments/summary.h"

namespace espalier::cli {
namespace {

void print_row(const nn::LayerSummary& layer) {
  fmt::print("{:<30} {:<18} {:>15} {:>11} {:>11} {:>8.2f}% {:>13} {:>13}\n", layer.name, layer.type,
             layer.output.rank() > 0 ? layer.output.str() : "", layer.parameters, layer.nonzeros,
             100.0 * density(layer), layer.macs, layer.effective_macs);
}

void print_table(const SavedModel& saved, const nn::ModelSummary& summary) {
  fmt::print("{} for images {}, {}\n\n", saved.config.model_kind, saved.image_shape.str(),
             saved.directory.string());
  fmt::print("{:<30} {:<18} {:>15} {:>11} {:>11} {:>9} {:>13} {:>13}\n", "layer", "type", "output",
             "parameters", "nonzero", "density", "MACs dense", "effective");
  for (const nn::LayerSummary& layer : summary.layers) print_row(layer);
  print_row(summary.total);
  fmt::print("\n{} bytes on disk\n", saved.size_bytes);
}

nlohmann::ordered_json to_json(const SavedModel& saved, const nn::ModelSummary& summary) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const nn::LayerSummary& layer : summary.layers) layers.push_back(layer_json(layer));
  return {{"model", saved.config.model_kind},
          {"config_hash", saved.config_hash},
          {"parameters", summary.total.parameters},
          {"nonzero_parameters", summary.total.nonzeros},
          {"macs", summary.total.macs},
          {"effective_macs", summary.total.effective_macs},
          {"size_bytes", saved.size_bytes},
          {"weights_sha256", train::weights_sha256(*saved.model)},
          {"layers", layers}};
}

}  // namespace

int inspect(int argc, char** argv) {
  cxxopts::Options options("espalier inspect",
                           "parameters, density and multiply-adds of a saved model, by layer");
  options.add_options()("json", "as JSON")("checkpoint", "a checkpoint, or a run: its last complete stage",
                                           cxxopts::value<std::string>(), "DIR");
  options.parse_positional("checkpoint");
  const auto arguments = parse(options, argc, argv, "CHECKPOINT");
  if (!arguments) return 0;
  const SavedModel saved = load_model(required(*arguments, "checkpoint"));
  const nn::ModelSummary summary = nn::summary(*saved.model, saved.image_shape);
  if (arguments->count("json") > 0) {
    fmt::print("{}\n", to_json(saved, summary).dump(2));
  } else {
    print_table(saved, summary);
  }
  return 0;
}

}  // namespace espalier::cli
