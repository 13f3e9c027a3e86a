#include "pruning/schedules/cubic.h"

#include <algorithm>
#include <cmath>

namespace espalier::pruning {

void Cubic::fields(FieldVisitor& v) {
  v.field("begin", begin_, "start of pruning, as a fraction of the stage's steps", {0.0, 1.0});
  v.field("end", end_, "step of full sparsity, as a fraction of the stage's steps; not before begin",
          {0.0, 1.0});
  v.field("every", every_, "optimizer steps from one change of the mask to the next", {1});
  v.field("power", power_, "3: cubic; 1: linear", {0.1, 20.0});
}

Cubic::Window Cubic::window(std::int64_t total) const {
  const auto steps = static_cast<double>(total);
  const std::int64_t begin = std::llround(begin_ * steps);
  return {begin, std::max(begin, static_cast<std::int64_t>(std::llround(end_ * steps)))};
}

bool Cubic::due(std::int64_t done, std::int64_t total) const {
  const Window w = window(total);
  if (done < w.begin || done > w.end) return false;
  return done == w.end || (done - w.begin) % every_ == 0;
}

double Cubic::progress(std::int64_t done, std::int64_t total) const {
  const Window w = window(total);
  if (done >= w.end) return 1.0;
  if (done <= w.begin) return 0.0;
  const double left = 1.0 - static_cast<double>(done - w.begin) / static_cast<double>(w.end - w.begin);
  return 1.0 - std::pow(left, power_);
}

}  // namespace espalier::pruning
