// Removing what masks allow, as stages do it: told on the terminal, with figures for result.json.
#pragma once

#include <nlohmann/json.hpp>

#include "experiments/stages/stage.h"
#include "pruning/dependencies/shrink.h"

namespace espalier {

struct Removal {
  pruning::Shrunk shrunk;
  nlohmann::ordered_json figures;  // "shrink" of result.json
};

// Shrinks the stage's model in place (pruning/dependencies/shrink.h).
Removal remove_masked(const StageContext& context);

}  // namespace espalier
