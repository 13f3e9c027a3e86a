// Everything at once: at the start, at the end, or between.
#pragma once

#include "pruning/schedules/schedule.h"

namespace espalier::pruning {

class OneShot : public Schedule {
 public:
  void fields(FieldVisitor& v) override;
  bool due(std::int64_t done, std::int64_t total) const override;
  double sparsity(std::int64_t done, std::int64_t total, double final) const override;

 private:
  std::int64_t at_step(std::int64_t total) const;

  double at_ = 0.0;
};

}  // namespace espalier::pruning
