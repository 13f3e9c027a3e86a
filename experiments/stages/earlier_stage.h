// Networks that a stage looks at beside its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "experiments/about.h"

namespace espalier {

// `name`: the label of an earlier stage of the same run, or the path of a checkpoint or of a run.
SavedModel load_earlier(const StageContext& context, const std::string& name);

// Before the stages before this one are done: nothing for the label of one of them, else what lies at the
// path. Throws Error (usage) when `name`, the value of `key`, is neither, and as load_model does.
std::optional<SavedModel> expect_earlier(const StageInputs& inputs, std::string_view key,
                                         const std::string& name);

}  // namespace espalier
