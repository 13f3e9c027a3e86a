#include "experiments/stages/earlier_stage.h"

#include <algorithm>

#include "experiments/experiment_config.h"
#include "experiments/run_directory.h"
#include "framework/core/error.h"
#include "framework/core/suggest.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

// The directory of the stage called `label`, in the run that the context belongs to; empty when there is
// none.
fs::path stage_directory(const StageContext& context, const std::string& label) {
  std::error_code ignored;
  for (fs::path place = context.directory.path().parent_path(); place.has_filename();
       place = place.parent_path()) {
    for (std::size_t i = 0; i < context.index; ++i) {
      const fs::path candidate = place / fmt::format("{}-{}", i, label);
      if (fs::is_directory(candidate, ignored)) return candidate;
    }
    if (fs::exists(place / kConfigFile, ignored)) break;  // the run's
  }
  return {};
}

}  // namespace

SavedModel load_earlier(const StageContext& context, const std::string& name) {
  const fs::path stage = stage_directory(context, name);
  return load_model(stage.empty() ? fs::path(name) : stage / "checkpoint");
}

std::optional<SavedModel> expect_earlier(const StageInputs& inputs, std::string_view key,
                                         const std::string& name) {
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < inputs.index; ++i) labels.push_back(inputs.config.stages[i].label());
  if (std::find(labels.begin(), labels.end(), name) != labels.end()) return std::nullopt;
  std::error_code ignored;
  if (fs::exists(name, ignored)) return load_model(name);
  fail(ErrorKind::usage, inputs.config.stages[inputs.index].label(),
       "{} = \"{}\": there is no such checkpoint or run, and no stage of that name before this one{}", key,
       name, did_you_mean(name, labels));
}

}  // namespace espalier
