// Gradually: many weights while the network has many to spare, few towards the end.
//
//   sparsity(t) = final * (1 - (1 - (t - begin) / (end - begin))^power)
//
// with power 3 the schedule of Zhu and Gupta, "To prune, or not to prune", 2017 (from no sparsity); power 1
// is linear.
#pragma once

#include "pruning/schedules/schedule.h"

namespace espalier::pruning {

class Cubic : public Schedule {
 public:
  void fields(FieldVisitor& v) override;
  bool due(std::int64_t done, std::int64_t total) const override;
  double progress(std::int64_t done, std::int64_t total) const override;

 private:
  struct Window {
    std::int64_t begin, end;  // steps
  };
  Window window(std::int64_t total) const;

  double begin_ = 0.0;
  double end_ = 0.75;
  std::int64_t every_ = 100;
  double power_ = 3.0;
};

}  // namespace espalier::pruning
