// Learning-rate schedules: the multiplier of the base rate as a function of the step and the total alone, so
// that a resumed run needs no state of them.
//
//   optimizer.set_lr(optimizer.base_lr() * schedule.at(step, total_steps));
//
// Every schedule can be preceded by a linear warm-up over the first w = round(warmup_fraction * total) steps:
//   at(s) = (s + 1) / (w + 1) * shape(0)       s < w
//   at(s) = shape of step s - w of total - w   otherwise
#pragma once

#include <cstdint>

#include "framework/core/fields.h"
#include "framework/core/registry.h"

namespace espalier::optim {

class LrSchedule {
 public:
  virtual ~LrSchedule() = default;

  virtual void fields(FieldVisitor& v);
  // The multiplier of step `step`, 0 .. total_steps-1. Throws Error outside of that.
  double at(std::int64_t step, std::int64_t total_steps) const;

 protected:
  // The multiplier after the warm-up: step s of total, s in 0 .. total-1.
  virtual double shape(std::int64_t step, std::int64_t total) const = 0;

 private:
  double warmup_fraction_ = 0.0;
};

// constant, step, linear, cosine, one_cycle
const Registry<LrSchedule>& lr_schedule_registry();

}  // namespace espalier::optim
