// Pruning at once, without training: what a network is worth before it can recover.
#pragma once

#include <vector>

#include "experiments/stages/stage.h"
#include "pruning/pruner.h"

namespace espalier {

class PruneStage : public Stage {
 public:
  void fields(FieldVisitor& v) override;
  void rehearse(const StageInputs& inputs) const override;
  StageResult run(StageContext& context) const override;

 private:
  mutable std::vector<pruning::PrunerSettings> prune_;  // only read, but fields() is not const
};

}  // namespace espalier
