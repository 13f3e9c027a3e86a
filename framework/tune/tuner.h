// Which kernels layers run on: by a fixed rule, or, where a tuner is in use, by measurement at a shape's
// first use. A choice says nothing of threads, so with the same choices a run has the same bits on any
// number.
//
//   tune::Tuner tuner({.cached = cache.load()});
//   const tune::UseTuner use(&tuner);
//   ... train ...
//   cache.add(tuner.measured());
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "framework/tune/choices.h"
#include "framework/tune/trials.h"

namespace espalier::tune {

struct TunerSettings {
  Choices recorded = {};  // of the run that goes on: they hold, whatever is measured today
  Choices cached = {};    // of this machine: what was measured before
  bool measures = true;   // what neither has; otherwise the fixed rule decides on it
  Stopwatch stopwatch = seconds_of;
  // Hears what a person should know: a kernel that is not the usual one, and a recorded one that cannot run
  // here.
  std::function<void(const std::string&)> note = [](const std::string&) {};
};

// Not for several threads at once.
class Tuner {
 public:
  explicit Tuner(TunerSettings settings) : settings_(std::move(settings)) {}
  Tuner(const Tuner&) = delete;
  Tuner& operator=(const Tuner&) = delete;

  // The kernel of a convolution's pass. The first call for a shape and pass may measure: that takes some ten
  // passes' time and memory for the operands.
  const kernels::Conv2dKernel& conv2d(const kernels::Conv2dShape& shape, kernels::Conv2dPass pass);

  // For weights of the given density. Far above the fixed table's break-even (kFarAbove) nothing is measured,
  // and that table's is returned.
  BreakEven break_even(const LayerShape& shape, kernels::Conv2dPass pass, int block_size, double density);

  // Everything that was recorded or asked for.
  const Choices& record() const { return settings_.recorded; }
  // What was measured here, and how long that took.
  const Choices& measured() const { return measured_; }
  double measuring_seconds() const { return measuring_seconds_; }

 private:
  const kernels::Conv2dKernel* recorded(const std::string& key, const kernels::Conv2dShape& shape,
                                        kernels::Conv2dPass pass) const;
  DenseChoice choose(const std::string& key, const kernels::Conv2dShape& shape, kernels::Conv2dPass pass);
  DenseChoice compare(const kernels::Conv2dShape& shape, kernels::Conv2dPass pass);
  BreakEven find_break_even(const LayerShape& shape, kernels::Conv2dPass pass, int block_size);
  double time(const Trial& trial);
  std::string dense_kernel(const LayerShape& shape, kernels::Conv2dPass pass);

  TunerSettings settings_;
  Choices measured_;
  double measuring_seconds_ = 0.0;
  // What was found, to find it fast.
  std::map<std::pair<ShapeKey, int>, const kernels::Conv2dKernel*> kernels_;  // shape, pass
  std::map<std::pair<ShapeKey, int>, BreakEven> break_evens_;                 // shape, pass and block
};

// The tuner that this process asks in a scope; null: the fixed rule decides, as it does outside of any.
class UseTuner {
 public:
  explicit UseTuner(Tuner* tuner);
  ~UseTuner();
  UseTuner(const UseTuner&) = delete;
  UseTuner& operator=(const UseTuner&) = delete;

 private:
  Tuner* before_;
};

// By the tuner in use, or by the fixed rule.
const kernels::Conv2dKernel& conv2d_kernel(const kernels::Conv2dShape& shape, kernels::Conv2dPass pass);
BreakEven break_even(const LayerShape& shape, kernels::Conv2dPass pass, int block_size, double density);
// The times by which conv2d_kernel() was chosen, by kernel; empty: by the fixed rule.
std::map<std::string, double> compared_ms(const kernels::Conv2dShape& shape, kernels::Conv2dPass pass);

}  // namespace espalier::tune
