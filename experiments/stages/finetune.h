// Training that goes on from trained weights: the train stage with defaults for that.
#pragma once

#include "experiments/stages/train.h"

namespace espalier {

class FinetuneStage : public TrainStage {
 public:
  FinetuneStage();
};

}  // namespace espalier
