// Measuring in the face of noise: contenders take turns, and the median of their rounds counts.
#pragma once

#include <functional>
#include <vector>

namespace espalier::bench {

double median(std::vector<double> values);

// Seconds on a clock that never jumps.
double now_seconds();

// The median time of one call of each contender, in seconds. Every contender is called in every round, often
// enough to take `round_seconds`; one round before the first warms up and finds out how often that is.
std::vector<double> race(const std::vector<std::function<void()>>& contenders, int rounds,
                         double round_seconds);

}  // namespace espalier::bench
