// Networks that a stage looks at beside its own.
#pragma once

#include <string>
#include <string_view>

#include "experiments/about.h"

namespace espalier {

// `name`: the label of an earlier stage of the same run, or the path of a checkpoint or of a run.
SavedModel load_earlier(const StageContext& context, const std::string& name);

// Throws Error (usage) unless `name`, the value of `key`, is such a label, or there is such a path.
void expect_earlier(const StageInputs& inputs, std::string_view key, const std::string& name);

}  // namespace espalier
