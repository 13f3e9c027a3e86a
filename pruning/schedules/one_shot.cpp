#include "pruning/schedules/one_shot.h"

#include <cmath>

namespace espalier::pruning {

void OneShot::fields(FieldVisitor& v) {
  v.field("at", at_, "when, as a fraction of the stage's steps: 0 before the first, 1 after the last",
          {0.0, 1.0});
}

std::int64_t OneShot::at_step(std::int64_t total) const {
  return std::llround(at_ * static_cast<double>(total));
}

bool OneShot::due(std::int64_t done, std::int64_t total) const { return done == at_step(total); }

double OneShot::sparsity(std::int64_t done, std::int64_t total, double final) const {
  return done >= at_step(total) ? final : 0.0;
}

}  // namespace espalier::pruning
