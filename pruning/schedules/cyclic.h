// Sparsity rises, falls to nothing, and rises again: what was pruned too early comes back at 0 and may grow.
// Each cycle rises cubically for its first part, and trains at full sparsity for the rest. Srinivas et al.,
// "Cyclical pruning for sparse neural networks", CVPR workshops 2022.
#pragma once

#include <algorithm>
#include <cmath>

#include "pruning/schedules/gradual.h"

namespace espalier::pruning {

class Cyclic : public Gradual {
 public:
  void fields(FieldVisitor& v) override {
    Gradual::fields(v);
    v.field("cycles", cycles_, "in the window; the last one ends at full sparsity", {1, 1000});
  }
  bool due(std::int64_t done, std::int64_t total) const override {
    return Gradual::due(done, total) || reopens(done, total) || passes(kRise, done, total);
  }
  bool reopens(std::int64_t done, std::int64_t total) const override {
    const Window w = window(total);
    return done > w.begin && done < w.end && cycle(done, w) != cycle(done - 1, w);
  }
  bool gives_back() const override { return true; }

 protected:
  double curve(double p, double final) const override {
    const double cycles = p * static_cast<double>(cycles_) + 1e-9;  // a boundary belongs to the next cycle
    const double rise = std::min(1.0, (cycles - std::floor(cycles)) / kRise);
    return final * (1.0 - std::pow(1.0 - rise, 3.0));
  }

 private:
  static constexpr double kRise = 0.8;  // of a cycle

  std::int64_t cycle(std::int64_t done, const Window& w) const {
    return (done - w.begin) * cycles_ / (w.end - w.begin);
  }
  // Is this the first step at or beyond so much of its cycle?
  bool passes(double part, std::int64_t done, std::int64_t total) const {
    const Window w = window(total);
    if (done <= w.begin || done >= w.end) return false;
    const auto position = [&](std::int64_t step) {
      const std::int64_t length = w.end - w.begin;
      return static_cast<double>((step - w.begin) * cycles_ % length) / static_cast<double>(length);
    };
    return position(done) >= part && position(done - 1) < part;
  }

  std::int64_t cycles_ = 3;
};

}  // namespace espalier::pruning
