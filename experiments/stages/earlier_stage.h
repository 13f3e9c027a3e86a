// Networks that a stage looks at beside its own.
#pragma once

#include <string>

#include "experiments/about.h"

namespace espalier {

// `name`: the label of an earlier stage of the same run, or the path of a checkpoint or of a run.
SavedModel load_earlier(const StageContext& context, const std::string& name);

}  // namespace espalier
