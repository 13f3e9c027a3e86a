#include "pruning/schedules/gradual.h"

#include <cmath>

#include "framework/core/error.h"

namespace espalier::pruning {

void Gradual::fields(FieldVisitor& v) {
  window_fields(v);
  v.field("every", every_, "optimizer steps from one change of the mask to the next", {1});
}

void Gradual::window_fields(FieldVisitor& v) {
  v.field("begin", begin_, "start of pruning, as a fraction of the stage's steps", {0.0, 1.0});
  v.field("end", end_, "step of full sparsity, as a fraction of the stage's steps; not before begin",
          {0.0, 1.0});
}

void Gradual::check() const {
  if (begin_ <= end_) return;
  fail(ErrorKind::usage, "prune", "the schedule begins at {} of the stage and ends before, at {}; set end",
       begin_, end_);
}

Gradual::Window Gradual::window(std::int64_t total) const {
  const auto steps = static_cast<double>(total);
  return {std::llround(begin_ * steps), std::llround(end_ * steps)};
}

bool Gradual::due(std::int64_t done, std::int64_t total) const {
  const Window w = window(total);
  if (done < w.begin || done > w.end) return false;
  return done == w.end || (done - w.begin) % every_ == 0;
}

double Gradual::sparsity(std::int64_t done, std::int64_t total, double final) const {
  const Window w = window(total);
  if (done >= w.end) return final;
  if (done <= w.begin) return 0.0;
  return curve(static_cast<double>(done - w.begin) / static_cast<double>(w.end - w.begin), final);
}

}  // namespace espalier::pruning
