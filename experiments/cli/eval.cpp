// espalier eval CHECKPOINT
#include <fmt/format.h>

#include "experiments/about.h"
#include "experiments/cli/command.h"
#include "experiments/measure.h"
#include "framework/core/error.h"
#include "framework/core/suggest.h"

namespace espalier::cli {
namespace {

std::shared_ptr<const datasets::Dataset> find_split(const datasets::Splits& data, const std::string& name) {
  const std::shared_ptr<const datasets::Dataset> split = name == "test"         ? data.test
                                                         : name == "validation" ? data.validation
                                                         : name == "train"      ? data.train
                                                                                : nullptr;
  if (split == nullptr) {
    fail(ErrorKind::usage, "espalier eval",
         "there is no split '{}'{} (test, validation where the config sets "
         "images apart, train)",
         name, did_you_mean(name, {"test", "validation", "train"}));
  }
  return split;
}

}  // namespace

int eval(int argc, char** argv) {
  cxxopts::Options options("espalier eval", "loss and accuracy of a saved model");
  options.add_options()("data", "where the data lies", cxxopts::value<std::string>(), "DIR")(
      "split", "test, validation or train", cxxopts::value<std::string>()->default_value("test"), "NAME")(
      "json", "as JSON")("checkpoint", "a checkpoint, or a run: its last complete stage",
                         cxxopts::value<std::string>(), "DIR")(
      "overrides", "keys of its config to change", cxxopts::value<std::vector<std::string>>(), "key=value");
  options.parse_positional({"checkpoint", "overrides"});
  const auto arguments = parse(options, argc, argv, "CHECKPOINT [key=value ...]");
  if (!arguments) return 0;

  std::vector<std::string> changes = overrides(*arguments);
  if (arguments->count("data") > 0) changes.push_back("data.path=" + (*arguments)["data"].as<std::string>());
  const std::filesystem::path path = required(*arguments, "checkpoint");
  const SavedModel saved = load_model(path);
  const ExperimentConfig config =
      read_experiment(parse_config_text(saved.config_text, "checkpoint"), changes);
  const datasets::Splits data = config.data->load();
  const auto split = find_split(data, (*arguments)["split"].as<std::string>());
  if (!(split->image_shape() == saved.image_shape)) {
    fail(ErrorKind::usage, "espalier eval", "the model takes images {}, the data has {}",
         saved.image_shape.str(), split->image_shape().str());
  }
  const train::Metrics metrics = measure(*saved.model, split, data.normalisation, config.evaluate.batch);
  if (arguments->count("json") > 0) {
    const nlohmann::ordered_json result = {{"checkpoint", path.string()},
                                           {"dataset", data.name},
                                           {"split", (*arguments)["split"].as<std::string>()},
                                           {"images", metrics.images},
                                           {"accuracy", metrics.accuracy_percent()},
                                           {"loss", metrics.loss()},
                                           {"weights_sha256", train::weights_sha256(*saved.model)}};
    fmt::print("{}\n", result.dump(2));
  } else {
    fmt::print("data      {}\naccuracy  {:.2f}% of {} images\nloss      {:.4f}\n", data.description,
               metrics.accuracy_percent(), metrics.images, metrics.loss());
  }
  return 0;
}

}  // namespace espalier::cli
