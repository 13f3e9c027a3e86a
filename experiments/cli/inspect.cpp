// espalier inspect CHECKPOINT
#include <fmt/format.h>

#include <algorithm>

#include "experiments/about.h"
#include "experiments/cli/command.h"
#include "experiments/kernels_file.h"
#include "experiments/summary.h"
#include "framework/autograd/node.h"
#include "framework/nn/execution.h"
#include "framework/tensor/storage.h"
#include "kernels/conv2d/candidates.h"

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

constexpr const char* kPasses[] = {"forward", "backward data", "backward weights"};

// The config's, as far as a file is believed.
std::int64_t batch_of(const SavedModel& saved) { return std::min<std::int64_t>(saved.config.batch, 1024); }

// What the layers run on in training, for batches of that size.
std::vector<nn::LayerReport> find_kernels(const SavedModel& saved) {
  const NoGrad off;
  const AllocationBudget budget(running_budget_bytes());
  nn::Module& model = *saved.model;
  nn::set_execution(model, nn::execution_from(saved.config.execution));
  for (nn::Parameter* parameter : model.parameters()) parameter->pruned_gradients = false;
  model.eval();
  const Shape& image = saved.image_shape;
  model(Tensor::zeros({batch_of(saved), image[0], image[1], image[2]}, Layout::lanes,
                      saved.config.activation_type()));
  return nn::execution_report(model);
}

void print_kernels(const SavedModel& saved, const RecordedKernels& recorded, bool why) {
  fmt::print("\nkernels for batches of {}: {}\n\n", batch_of(saved),
             recorded.path().empty() ? "the fixed choices" : recorded.path().string());
  fmt::print("{:<30} {:<16} {:<16} {:<16}\n", "layer", kPasses[0], kPasses[1], kPasses[2]);
  for (const nn::LayerReport& layer : find_kernels(saved)) {
    fmt::print("{:<30}", layer.layer);
    for (const nn::PassReport& pass : layer.passes)
      fmt::print(" {:<16}", kernels::conv2d_algorithm(pass.kernel));
    fmt::print("\n");
    for (std::size_t i = 0; why && i < layer.passes.size(); ++i)
      fmt::print("  {:<17} {}: {}\n", kPasses[i], layer.passes[i].kernel, layer.passes[i].why);
  }
}

nlohmann::ordered_json kernels_json(const SavedModel& saved) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const nn::LayerReport& layer : find_kernels(saved)) {
    for (std::size_t i = 0; i < layer.passes.size(); ++i)
      rows.push_back({{"layer", layer.layer},
                      {"pass", kPasses[i]},
                      {"kernel", layer.passes[i].kernel},
                      {"why", layer.passes[i].why}});
  }
  return rows;
}

nn::ModelSummary summary_of(const SavedModel& saved) {
  const AllocationBudget budget(running_budget_bytes());
  return nn::summary(*saved.model, saved.image_shape);
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
          {"layers", layers},
          {"batch", batch_of(saved)},
          {"kernels", kernels_json(saved)}};
}

}  // namespace

int inspect(int argc, char** argv) {
  cxxopts::Options options("espalier inspect",
                           "parameters, density, multiply-adds and kernels of a saved model, by layer");
  options.add_options()("json", "as JSON")("why", "say why each kernel was chosen")(
      "checkpoint", "a checkpoint, or a run: its last complete stage", cxxopts::value<std::string>(), "DIR");
  options.parse_positional("checkpoint");
  const auto arguments = parse(options, argc, argv, "CHECKPOINT");
  if (!arguments) return 0;
  const SavedModel saved = load_model(required(*arguments, "checkpoint"));
  const nn::ModelSummary summary = summary_of(saved);
  const RecordedKernels recorded(saved.directory);
  if (arguments->count("json") > 0) {
    print_json(to_json(saved, summary));
  } else {
    print_table(saved, summary);
    print_kernels(saved, recorded, arguments->count("why") > 0);
  }
  return 0;
}

}  // namespace espalier::cli
