// Which of several ways to compute the same thing is the fastest, in the face of noise.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace espalier::tune {

// Runs way `i` once and returns how long that took, in seconds.
using Measure = std::function<double(std::size_t way)>;

// What is taken in place of the usual must be faster by this factor. The day's noise is to decide nothing:
// with it the bits would change.
inline constexpr double kMargin = 1.05;

// The shortest time of each way. They take turns, so that a disturbance meets them all: two rounds, and
// more while calls are short, or, for half a second each at most, while a way's two shortest times disagree.
std::vector<double> shortest_times(std::size_t ways, const Measure& measure);

struct Standing {
  std::size_t winner = 0;
  std::vector<double> seconds;  // the shortest time of each
};

// Way 0 is the usual one and wins unless another is faster by kMargin, and is again in rounds that are run to
// make sure. Ways that fall far behind leave early.
Standing contest(std::size_t ways, const Measure& measure);

}  // namespace espalier::tune
