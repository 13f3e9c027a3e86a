#include "pruning/schedules/cubic.h"
#include "pruning/schedules/one_shot.h"

namespace espalier::pruning {

const Registry<Schedule>& schedule_registry() {
  static const Registry<Schedule> registry(
      "schedule", {
                      {"one_shot", "everything at one step", std::make_unique<OneShot>},
                      {"cubic", "gradually, fast at first (Zhu and Gupta 2017)", std::make_unique<Cubic>},
                  });
  return registry;
}

}  // namespace espalier::pruning
