// The methods of papers that are no pruner's: what stages are, and what a config says beside them.
// `espalier methods` lists them, and a test reads each.
#pragma once

#include <vector>

#include "pruning/methods.h"

namespace espalier {

// Their keys are those of a [[stage]].
const std::vector<pruning::Method>& stage_methods();
// Their keys are the experiment's own.
const std::vector<pruning::Method>& experiment_methods();

}  // namespace espalier
