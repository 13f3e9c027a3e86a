// Physical removal: whatever the masks of whole filters allow goes (pruning/dependencies/shrink.h). Stages
// after it work on the smaller network, and its checkpoints say how narrow it is.
#pragma once

#include "experiments/stages/stage.h"

namespace espalier {

class ShrinkStage : public Stage {
 public:
  void fields(FieldVisitor&) override {}
  bool rebuilds_model() const override { return true; }
  StageResult run(StageContext& context) const override;
};

}  // namespace espalier
