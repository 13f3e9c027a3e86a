// When to prune, and how far. A schedule is a function of the position in the stage alone, so a resumed run
// needs nothing but its step number to go on.
#pragma once

#include <cstdint>

#include "framework/core/fields.h"

namespace espalier::pruning {

class Schedule {
 public:
  virtual ~Schedule() = default;

  virtual void fields(FieldVisitor&) {}
  // Throws Error (usage) when settings contradict each other.
  virtual void check() const {}

  // Is the mask to be changed after `done` of `total` optimizer steps? done = 0: before the first.
  virtual bool due(std::int64_t done, std::int64_t total) const = 0;
  // Does all that was pruned come back then, at 0, before the mask is changed?
  virtual bool reopens(std::int64_t /*done*/, std::int64_t /*total*/) const { return false; }
  virtual bool gives_back() const { return false; }  // does it ever reopen?
  // The sparsity that is to be reached by then, on the way to `final`: 0 .. final, falling only where it
  // reopens.
  virtual double sparsity(std::int64_t done, std::int64_t total, double final) const = 0;
};

const Registry<Schedule>& schedule_registry();

}  // namespace espalier::pruning
