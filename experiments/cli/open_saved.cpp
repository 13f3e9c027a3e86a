#include "experiments/cli/open_saved.h"

#include "framework/core/error.h"
#include "framework/core/suggest.h"

namespace espalier::cli {
namespace {

std::shared_ptr<const datasets::Dataset> find_split(const datasets::Splits& data, const std::string& name,
                                                    const char* where) {
  const std::vector<std::string> names = {"test", "validation", "train"};
  auto split = name == names[0]   ? data.test
               : name == names[1] ? data.validation
               : name == names[2] ? data.train
                                  : nullptr;
  if (split != nullptr) return split;
  if (name == names[1]) {
    fail(ErrorKind::usage, where,
         "the model's config sets no images apart for validation; choose another --split, or set "
         "data.validation_images=5000, images that the model has then seen in training");
  }
  fail(ErrorKind::usage, where, "there is no split '{}'{}", name, did_you_mean(name, names));
}

}  // namespace

void add_saved_model_options(cxxopts::Options& options, const char* split) {
  options.add_options()("data", "where the data lies", cxxopts::value<std::string>(), "DIR")(
      "split", "test, validation (where the config sets images apart) or train",
      cxxopts::value<std::string>()->default_value(split), "NAME")(
      "checkpoint", "a checkpoint, or a run: its last complete stage", cxxopts::value<std::string>(), "DIR")(
      "overrides", "keys of its config to change", cxxopts::value<std::vector<std::string>>(), "key=value");
  options.parse_positional({"checkpoint", "overrides"});
}

OpenedModel open_saved(const cxxopts::ParseResult& arguments, const char* where) {
  OpenedModel opened;
  opened.saved = load_model(required(arguments, "checkpoint"));
  opened.kernels = std::make_unique<RecordedKernels>(opened.saved.directory);
  ConfigNode document = parse_config_text(opened.saved.config_text, "checkpoint");
  for (const std::string& assignment : overrides(arguments)) apply_override(document, assignment);
  if (arguments.count("data") > 0)
    set_text(document, "data.path", arguments["data"].as<std::string>(), "--data");
  opened.config = read_experiment(std::move(document));
  opened.data = opened.config.data->load();
  opened.split_name = arguments["split"].as<std::string>();
  opened.split = find_split(opened.data, opened.split_name, where);
  if (!(opened.split->image_shape() == opened.saved.image_shape)) {
    fail(ErrorKind::usage, where, "the model takes images {}, the data has {}",
         opened.saved.image_shape.str(), opened.split->image_shape().str());
  }
  return opened;
}

}  // namespace espalier::cli
