// Many weights while the network has many to spare, few towards the end:
//
//   sparsity(p) = final * (1 - (1 - p)^power)
//
// with power 3 the schedule of Zhu and Gupta, "To prune, or not to prune", 2017.
#pragma once

#include <cmath>

#include "pruning/schedules/gradual.h"

namespace espalier::pruning {

class Cubic : public Gradual {
 public:
  void fields(FieldVisitor& v) override {
    Gradual::fields(v);
    v.field("power", power_, "3: cubic; 1: linear", {0.1, 20.0});
  }

 protected:
  double curve(double p, double final) const override { return final * (1.0 - std::pow(1.0 - p, power_)); }

 private:
  double power_ = 3.0;
};

}  // namespace espalier::pruning
