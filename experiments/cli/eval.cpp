// espalier eval CHECKPOINT
#include <fmt/format.h>

#include "experiments/cli/open_saved.h"
#include "experiments/measure.h"

namespace espalier::cli {

int eval(int argc, char** argv) {
  cxxopts::Options options("espalier eval", "loss and accuracy of a saved model");
  add_saved_model_options(options, "test");
  options.add_options()("json", "as JSON");
  const auto arguments = parse(options, argc, argv, kSavedModelPositionals);
  if (!arguments) return 0;
  const OpenedModel opened = open_saved(*arguments, "espalier eval");
  const train::Metrics metrics = measure(*opened.saved.model, opened.split, opened.data.normalisation,
                                         opened.config.evaluate, opened.config.activation_type());
  if (arguments->count("json") > 0) {
    const nlohmann::ordered_json result = {{"checkpoint", required(*arguments, "checkpoint")},
                                           {"dataset", opened.data.name},
                                           {"split", opened.split_name},
                                           {"images", metrics.images},
                                           {"views", opened.config.evaluate.views},
                                           {"precision", opened.config.precision},
                                           {"accuracy", metrics.accuracy_percent()},
                                           {"loss", metrics.loss()},
                                           {"weights_sha256", train::weights_sha256(*opened.saved.model)}};
    print_json(result);
  } else {
    const std::string& views = opened.config.evaluate.views;
    fmt::print("data      {}\naccuracy  {:.2f}% of {} images{}{}\nloss      {:.4f}\n",
               opened.data.description, metrics.accuracy_percent(), metrics.images,
               views == "one" ? "" : ", views: " + views,
               opened.config.precision == "f32" ? "" : ", " + opened.config.precision, metrics.loss());
  }
  return 0;
}

}  // namespace espalier::cli
