#include "pruning/schedules/cubic.h"
#include "pruning/schedules/cyclic.h"
#include "pruning/schedules/exponential.h"
#include "pruning/schedules/iterative.h"
#include "pruning/schedules/linear.h"
#include "pruning/schedules/one_shot.h"

namespace espalier::pruning {

const Registry<Schedule>& schedule_registry() {
  static const Registry<Schedule> registry(
      "schedule",
      {
          {"one_shot", "everything at one step", std::make_unique<OneShot>},
          {"cubic", "gradually, fast at first (Zhu and Gupta 2017)", std::make_unique<Cubic>},
          {"linear", "gradually, as many weights each time", std::make_unique<Linear>},
          {"exponential", "gradually, the same share of what is left (Tanaka et al. 2020)",
           std::make_unique<Exponential>},
          {"iterative", "in rounds, the same share of what is left (Han et al. 2015)",
           std::make_unique<Iterative>},
          {"cyclic", "up, and open again, in cycles (Srinivas et al. 2022)", std::make_unique<Cyclic>},
      });
  return registry;
}

}  // namespace espalier::pruning
