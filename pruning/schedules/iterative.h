// Rounds of pruning and training: in equal intervals, each round prunes the same share of what is left and
// then trains until the next. Han et al., "Learning both weights and connections for efficient neural
// networks", NeurIPS 2015.
#pragma once

#include <cmath>

#include "pruning/schedules/gradual.h"

namespace espalier::pruning {

class Iterative : public Gradual {
 public:
  void fields(FieldVisitor& v) override {
    window_fields(v);
    v.field("rounds", rounds_, "of the schedule: the first one interval after begin, the last at end",
            {1, 10000});
  }
  bool due(std::int64_t done, std::int64_t total) const override {
    const Window w = window(total);
    if (done == w.end) return true;
    return done > w.begin && done < w.end && round(done, w) != round(done - 1, w);
  }

 protected:
  double curve(double p, double final) const override {
    // A final sparsity of 1 has no finite rate: it comes in the last round.
    if (final == 1.0) return 0.0;
    const double rounds = static_cast<double>(rounds_);
    return 1.0 - std::pow(1.0 - final, std::floor(p * rounds + 1e-9) / rounds);
  }

 private:
  std::int64_t round(std::int64_t done, const Window& w) const {
    return (done - w.begin) * rounds_ / (w.end - w.begin);
  }

  std::int64_t rounds_ = 5;
};

}  // namespace espalier::pruning
