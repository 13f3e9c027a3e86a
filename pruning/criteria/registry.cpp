#include "pruning/criteria/criterion.h"
#include "pruning/criteria/magnitude.h"
#include "pruning/criteria/random.h"

namespace espalier::pruning {

const Registry<Criterion>& criterion_registry() {
  static const Registry<Criterion> registry(
      "criterion", {
                       {"magnitude", "|w|, smallest first (Han et al. 2015)", std::make_unique<Magnitude>},
                       {"random", "random order: the control", std::make_unique<RandomScores>},
                   });
  return registry;
}

}  // namespace espalier::pruning
