#include "experiments/spread.h"

#include <fmt/format.h>

#include <cmath>

namespace espalier {

Spread spread_of(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  double sum = 0.0, squares = 0.0;
  for (const double value : values) sum += value;
  for (const double value : values) squares += (value - sum / n) * (value - sum / n);
  Spread spread{.mean = sum / n, .deviation = std::nullopt};
  if (values.size() > 1) spread.deviation = std::sqrt(squares / (n - 1.0));
  return spread;
}

std::string spread_text(const Spread& spread) {
  return spread.deviation ? fmt::format("{:.2f} ± {:.2f}", spread.mean, *spread.deviation)
                          : fmt::format("{:.2f}", spread.mean);
}

}  // namespace espalier
