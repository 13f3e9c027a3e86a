#include "framework/optim/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

namespace espalier::optim {

void LrSchedule::fields(FieldVisitor& v) {
  v.field("warmup_fraction", warmup_fraction_, "part of all steps over which the rate first rises linearly",
          {0.0, 1.0});
}

double LrSchedule::at(std::int64_t step, std::int64_t total_steps) const {
  check(step >= 0 && step < total_steps, "lr_schedule", "step {} is not one of {} steps", step, total_steps);
  // One step at least is left for the shape.
  const auto warmup = std::min<std::int64_t>(
      std::llround(warmup_fraction_ * static_cast<double>(total_steps)), total_steps - 1);
  if (step < warmup) {
    return static_cast<double>(step + 1) / static_cast<double>(warmup + 1) * shape(0, total_steps - warmup);
  }
  return shape(step - warmup, total_steps - warmup);
}

namespace {

double ratio(std::int64_t step, std::int64_t total) {
  return static_cast<double>(step) / static_cast<double>(total);
}

// From a at p = 0 to b at p = 1, along half a cosine.
double cosine_between(double a, double b, double p) {
  return b + (a - b) * 0.5 * (1.0 + std::cos(std::numbers::pi * p));
}

// 1
class Constant : public LrSchedule {
 protected:
  double shape(std::int64_t, std::int64_t) const override { return 1.0; }
};

// gamma^k, k = milestones that have passed
class Step : public LrSchedule {
 public:
  void fields(FieldVisitor& v) override {
    v.field("milestones_percent", milestones_percent_, "when the rate drops, in percent of the steps",
            {0, 100});
    v.field("gamma", gamma_, "what the rate is multiplied by at each milestone", {0.0, 1.0});
    LrSchedule::fields(v);
  }

 protected:
  double shape(std::int64_t step, std::int64_t total) const override {
    const auto passed = std::count_if(milestones_percent_.begin(), milestones_percent_.end(),
                                      [&](std::int64_t percent) { return step * 100 >= percent * total; });
    return std::pow(gamma_, static_cast<double>(passed));
  }

 private:
  std::vector<std::int64_t> milestones_percent_ = {50, 75};
  double gamma_ = 0.1;
};

// 1 + (final - 1) s / total
class Linear : public LrSchedule {
 public:
  void fields(FieldVisitor& v) override {
    v.field("final", final_, "multiplier that the last step would be followed by", {0.0, 1.0});
    LrSchedule::fields(v);
  }

 protected:
  double shape(std::int64_t step, std::int64_t total) const override {
    return 1.0 + (final_ - 1.0) * ratio(step, total);
  }

 private:
  double final_ = 0.0;
};

// final + (1 - final) (1 + cos(pi s / total)) / 2   (Loshchilov and Hutter, SGDR, arXiv:1608.03983, no
// restarts)
class Cosine : public LrSchedule {
 public:
  void fields(FieldVisitor& v) override {
    v.field("final", final_, "multiplier that the last step would be followed by", {0.0, 1.0});
    LrSchedule::fields(v);
  }

 protected:
  double shape(std::int64_t step, std::int64_t total) const override {
    return cosine_between(1.0, final_, ratio(step, total));
  }

 private:
  double final_ = 0.0;
};

// Up from 1/div to 1 over the first `rise` of the steps, then down to 1/(div * final_div) in the last step,
// along half cosines or straight lines  (Smith and Topin, arXiv:1708.07120; PyTorch's OneCycleLR with two
// phases). The base rate is the peak.
class OneCycle : public LrSchedule {
 public:
  void fields(FieldVisitor& v) override {
    v.field("rise", rise_, "part of the steps in which the rate rises", {0.0, 1.0});
    v.field("div", div_, "peak rate over the rate of the first step", {1.0, 1e12});
    v.field("final_div", final_div_, "rate of the first step over that of the last", {1.0, 1e12});
    v.field("anneal", anneal_, "shape of both phases", {"cosine", "linear"});
    LrSchedule::fields(v);
  }

 protected:
  double shape(std::int64_t step, std::int64_t total) const override {
    const double first = 1.0 / div_, last = first / final_div_;
    const double peak = std::max(rise_ * static_cast<double>(total) - 1.0, 0.0);  // the step of the peak
    const double end = static_cast<double>(total - 1), s = static_cast<double>(step);
    if (s < peak) return between(first, 1.0, s / peak);
    return end > peak ? between(1.0, last, (s - peak) / (end - peak)) : 1.0;
  }

 private:
  double between(double a, double b, double p) const {
    return anneal_ == "linear" ? a + (b - a) * p : cosine_between(a, b, p);
  }

  double rise_ = 0.3;
  double div_ = 25.0;
  double final_div_ = 1e4;
  std::string anneal_ = "cosine";
};

template <class Schedule>
std::unique_ptr<LrSchedule> make() {
  return std::make_unique<Schedule>();
}

}  // namespace

const Registry<LrSchedule>& lr_schedule_registry() {
  static const Registry<LrSchedule> registry(
      "lr schedule", {
                         {"constant", "the base rate throughout", make<Constant>},
                         {"step", "times gamma at each milestone", make<Step>},
                         {"linear", "a straight line to the final rate", make<Linear>},
                         {"cosine", "half a cosine to the final rate (SGDR, arXiv:1608.03983)", make<Cosine>},
                         {"one_cycle", "up, then down to almost nothing (arXiv:1708.07120)", make<OneCycle>},
                     });
  return registry;
}

}  // namespace espalier::optim
