// The end of a stage: its model and its figures, written once.
#pragma once

#include <string>

#include "experiments/stages/stage.h"

namespace espalier {

void complete_stage(StageContext& context, const std::string& kind, const StageResult& result);

}  // namespace espalier
