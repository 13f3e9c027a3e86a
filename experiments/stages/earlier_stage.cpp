#include "experiments/stages/earlier_stage.h"

#include "experiments/run_directory.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

// The directory of the stage called `label`, in the run that the context belongs to; empty when there is
// none.
fs::path stage_directory(const StageContext& context, const std::string& label) {
  for (fs::path place = context.directory.path().parent_path(); place.has_filename();
       place = place.parent_path()) {
    for (std::size_t i = 0; i < context.index; ++i) {
      const fs::path candidate = place / fmt::format("{}-{}", i, label);
      if (fs::is_directory(candidate)) return candidate;
    }
    if (fs::exists(place / "config.toml")) break;  // the run's
  }
  return {};
}

}  // namespace

SavedModel load_earlier(const StageContext& context, const std::string& name) {
  const fs::path stage = stage_directory(context, name);
  return load_model(stage.empty() ? fs::path(name) : stage / "checkpoint");
}

}  // namespace espalier
