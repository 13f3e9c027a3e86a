// What of a config decides the result.
#pragma once

#include <string>
#include <vector>

#include "experiments/experiment_config.h"

namespace espalier {

// The canonical lines `key=value` of all that does, sorted. Where data lies, how often a checkpoint is
// written and what the experiment and its stages are called do not.
std::vector<std::string> deciding_lines(ExperimentConfig& config);

}  // namespace espalier
