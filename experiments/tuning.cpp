#include "experiments/tuning.h"

#include <cstdlib>
#include <string_view>

#include "experiments/build_info.h"
#include "experiments/system_info.h"
#include "framework/core/error.h"
#include "kernels/base/isa.h"
#include "kernels/base/parallel.h"

namespace espalier {
namespace {

bool& wanted_now() {
  static bool wanted = false;
  return wanted;
}

}  // namespace

bool tuning_wanted() { return wanted_now(); }
void want_tuning(bool wanted) { wanted_now() = wanted; }

bool tuning_environment() {
  const char* value = std::getenv("ESPALIER_TUNE");
  const std::string_view text = value == nullptr || *value == '\0' ? "on" : value;
  if (text != "on" && text != "off")
    fail(ErrorKind::usage, "espalier", "ESPALIER_TUNE={}: expected on or off", text);
  return text == "on";
}

tune::Cache machine_cache(const Note& note) {
  return tune::Cache(tune::cache_directory(),
                     {.cpu = cpu_model(),
                      .isa = std::string(kernels::isa_name(kernels::isa_limit())),
                      .threads = kernels::num_threads(),
                      .build = build_description() + ", " + build_id()},
                     note);
}

MachineTuner::MachineTuner(tune::Choices recorded, const Note& note)
    : cache_(machine_cache(note)),
      tuner_({.recorded = std::move(recorded),
              .cached = tuning_wanted() ? cache_.load() : tune::Choices(),
              .measures = tuning_wanted(),
              .note = note}),
      use_(&tuner_) {}

void MachineTuner::save() const { cache_.add(tuner_.measured()); }

}  // namespace espalier
