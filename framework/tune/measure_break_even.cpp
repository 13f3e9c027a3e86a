#include "framework/tune/measure_break_even.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "framework/tune/contest.h"
#include "kernels/spconv2d/break_even.h"
#include "kernels/splinear/break_even.h"

namespace espalier::tune {
namespace {

using kernels::Conv2dPass;

// A sparse pass's time is measured at these multiples of the fixed break-even, and where a line through the
// latter two meets the dense time.
constexpr double kSparsest = 0.25, kSparser = 0.5, kDenser = 1.5;

struct Sample {
  double density, cost;  // in units of the dense pass, with the margin
};

// The time of a sparse pass is taken for a line over the density, up to `most`.
BreakEven line_through(const Sample& sparser, const Sample& denser, double most, const std::string& against) {
  double slope = 0.0;
  if (denser.density > sparser.density)
    slope = std::max(0.0, (denser.cost - sparser.cost) / (denser.density - sparser.density));
  double at_zero = denser.cost - slope * denser.density;
  if (slope == 0.0) at_zero = std::max(sparser.cost, denser.cost);
  if (at_zero < 0.0) {  // noise: no pass takes less than nothing
    at_zero = 0.0;
    slope = denser.cost / denser.density;
  }
  if (at_zero >= 1.0) return {0.0, 0.0, against};
  return {slope == 0.0 ? most : std::min(most, (1.0 - at_zero) / slope), at_zero, against};
}

// Times sparse passes beside the dense one, which keeps its shortest time of all rounds.
class Race {
 public:
  Race(const LayerShape& shape, Conv2dPass pass, int block_size, const kernels::Conv2dKernel* dense,
       const Stopwatch& stopwatch)
      : shape_(shape),
        pass_(pass),
        block_size_(block_size),
        stopwatch_(stopwatch),
        operands_(shape),
        dense_(dense != nullptr ? dense_trial(*dense, std::get<kernels::Conv2dShape>(shape), operands_)
                                : dense_trial(std::get<kernels::LinearShape>(shape), pass, operands_)) {}

  std::vector<Sample> at(std::initializer_list<double> densities) {
    std::vector<Sample> samples;
    std::vector<Trial> trials = {dense_};
    for (const double density : densities) {
      const auto pattern = random_pattern(weights_shape(shape_), block_size_, std::min(1.0, density));
      samples.push_back({pattern->density(), 0.0});
      trials.push_back(sparse_trial(shape_, pass_, pattern, operands_));
    }
    const std::vector<double> seconds =
        shortest_times(trials.size(), [&](std::size_t way) { return stopwatch_(trials[way]); });
    dense_seconds_ = std::min(dense_seconds_, seconds[0]);
    for (std::size_t i = 0; i < samples.size(); ++i)
      samples[i].cost = kMargin * seconds[i + 1] / dense_seconds_;
    return samples;
  }

  const std::string& against() const { return dense_.name; }

 private:
  const LayerShape shape_;
  const Conv2dPass pass_;
  const int block_size_;
  const Stopwatch& stopwatch_;
  const Operands operands_;
  const Trial dense_;
  double dense_seconds_ = std::numeric_limits<double>::infinity();
};

}  // namespace

BreakEven fixed_break_even(const LayerShape& shape, Conv2dPass pass, int block_size) {
  const double density =
      std::visit([&](const auto& s) { return kernels::break_even_density(s, pass, block_size); }, shape);
  return {.density = density, .at_zero = 0.0, .against = ""};
}

BreakEven measure_break_even(const LayerShape& shape, Conv2dPass pass, int block_size,
                             const kernels::Conv2dKernel* dense, const Stopwatch& stopwatch) {
  const double fixed = fixed_break_even(shape, pass, block_size).density, most = kFarAbove * fixed;
  Race race(shape, pass, block_size, dense, stopwatch);
  const std::vector<Sample> apart = race.at({kSparser * fixed, kDenser * fixed});
  const double guess = line_through(apart[0], apart[1], most, race.against()).density;
  const Sample near = race.at({std::max(guess, kSparsest * fixed)}).front();
  // The line between the two that have the dense time between them.
  const Sample& other = near.cost > 1.0 ? apart[0] : apart[1];
  return near.density < other.density ? line_through(near, other, most, race.against())
                                      : line_through(other, near, most, race.against());
}

}  // namespace espalier::tune
