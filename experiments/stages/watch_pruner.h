// What a pruner has to say, in the words of every stage that has one.
#pragma once

#include "experiments/stages/stage.h"
#include "pruning/pruner.h"

namespace espalier {

// Tells the person what of the pruner's targets cannot be pruned, and from now on which layers would have
// collapsed; every change of the masks goes to the metrics. The pruner has its data, and `context` outlives
// it.
void watch_pruner(StageContext& context, pruning::Pruner& pruner);

}  // namespace espalier
