// The largest of many errors. std::max passes over one that is no number, and a test of NaN against NaN would pass.
#pragma once

#include <cmath>

namespace espalier::testing {

// largest = max(largest, error); an error that is no number counts as infinite.
inline void keep_largest(double& largest, double error) {
  if (!(error <= largest)) largest = std::isnan(error) ? HUGE_VAL : error;
}

}  // namespace espalier::testing
