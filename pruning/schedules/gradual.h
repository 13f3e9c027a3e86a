// What gradual schedules share: a window of the stage, cut into equal intervals. Each adds its curve.
#pragma once

#include "pruning/schedules/schedule.h"

namespace espalier::pruning {

class Gradual : public Schedule {
 public:
  void fields(FieldVisitor& v) override;
  void check() const override;
  bool due(std::int64_t done, std::int64_t total) const override;
  double sparsity(std::int64_t done, std::int64_t total, double final) const override;

 protected:
  // The sparsity at p = 0 .. 1 of the window: 0 at 0, `final` at 1.
  virtual double curve(double p, double final) const = 0;

  struct Window {
    std::int64_t begin, end;  // steps
  };
  Window window(std::int64_t total) const;
  void window_fields(FieldVisitor& v);

 private:
  double begin_ = 0.0;
  double end_ = 0.75;
  std::int64_t every_ = 100;
};

}  // namespace espalier::pruning
