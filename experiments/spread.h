// The mean of a few runs, and how far they lie apart.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace espalier {

struct Spread {
  double mean = 0.0;
  std::optional<double> deviation;  // of a sample: n - 1; from two values on
};

// Of one value or more.
Spread spread_of(const std::vector<double>& values);

// "91.40 ± 0.12", or the mean alone.
std::string spread_text(const Spread& spread);

}  // namespace espalier
