#include "experiments/bench/timing.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace espalier::bench {
namespace {

double time_calls(const std::function<void()>& call, int count) {
  const double start = now_seconds();
  for (int i = 0; i < count; ++i) call();
  return (now_seconds() - start) / count;
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<double> race(const std::vector<std::function<void()>>& contenders, int rounds,
                         double round_seconds) {
  constexpr double kMostCalls = 1e6;
  std::vector<int> calls;
  for (const auto& contender : contenders) {
    contender();  // first calls allocate and compile
    const double once = time_calls(contender, 1);
    calls.push_back(static_cast<int>(std::clamp(std::ceil(round_seconds / once), 1.0, kMostCalls)));
  }
  std::vector<std::vector<double>> times(contenders.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      times[i].push_back(time_calls(contenders[i], calls[i]));
    }
  }
  std::vector<double> medians;
  for (const std::vector<double>& of_one : times) medians.push_back(median(of_one));
  return medians;
}

}  // namespace espalier::bench
