// How every stage ends: the model it leaves, measured once on the test images.
#pragma once

#include "experiments/stages/stage.h"

namespace espalier {

// A result that holds the loss and accuracy of the context's model, and nothing else yet.
StageResult tested(const StageContext& context);

}  // namespace espalier
