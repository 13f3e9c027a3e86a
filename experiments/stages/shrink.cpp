#include "experiments/stages/shrink.h"

#include <chrono>

#include "experiments/stages/removal.h"
#include "experiments/stages/tested.h"

namespace espalier {

StageResult ShrinkStage::run(StageContext& context) const {
  const auto begin = std::chrono::steady_clock::now();
  const Removal removal = remove_masked(context);
  StageResult result = tested(context);
  result.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result.details = {{"shrink", removal.figures}};
  return result;
}

}  // namespace espalier
