#include "framework/tune/contest.h"

#include <doctest/doctest.h>

#include <cmath>

using espalier::tune::contest;
using espalier::tune::shortest_times;
using espalier::tune::Standing;

namespace {

constexpr double kUnit = 0.02;  // seconds

// A clock that tells each way's times in turn, in units, the last one for ever.
struct FakeClock {
  std::vector<std::vector<double>> times;
  std::vector<std::size_t> calls = std::vector<std::size_t>(times.size(), 0);

  double operator()(std::size_t way) {
    const std::size_t call = calls[way]++;
    return kUnit * times[way][std::min(call, times[way].size() - 1)];
  }
};

Standing race(FakeClock& clock) {
  return contest(clock.times.size(), [&](std::size_t way) { return clock(way); });
}

}  // namespace

TEST_CASE("the usual way stays unless another is faster by the margin") {
  FakeClock near{{{1.0}, {0.97}}}, far{{{1.0}, {0.9}}};
  CHECK(race(near).winner == 0);
  CHECK(race(far).winner == 1);
  FakeClock alone{{{1.0}}};
  CHECK(race(alone).winner == 0);
}

TEST_CASE("the fastest of several challengers wins, and every way's shortest time is told") {
  FakeClock clock{{{2.0, 1.0}, {0.8, 0.9}, {0.7, 0.6}}};
  const Standing standing = race(clock);
  CHECK(standing.winner == 2);
  CHECK(standing.seconds == std::vector<double>{kUnit * 1.0, kUnit * 0.8, kUnit * 0.6});
}

TEST_CASE("one disturbance of the usual way does not dethrone it") {
  // Slow in all of its first rounds; in those that make sure it is itself again.
  FakeClock clock{{{9.0, 9.0, 9.0, 1.0}, {1.0}}};
  CHECK(race(clock).winner == 0);
}

TEST_CASE("a way far behind leaves early, and the usual one always stays") {
  FakeClock clock{{{1.0}, {1.1}, {5.0}}};
  race(clock);
  CHECK(clock.calls == std::vector<std::size_t>{2, 2, 1});
  FakeClock slow{{{5.0}, {1.0}}};
  CHECK(race(slow).winner == 1);
  CHECK(slow.calls == std::vector<std::size_t>{4, 4});  // once more, to make sure
}

TEST_CASE("short calls get more rounds, within bounds") {
  FakeClock shortest{{{1e-4}, {1e-4}}}, longer{{{0.1}, {0.1}}}, unsteady{{{1.0, 2.0, 3.0, 1.0}, {1.0}}},
      longest{{{20.0, 15.0}, {20.0}}};
  const auto calls = [](FakeClock& clock) {
    race(clock);
    return clock.calls[0];
  };
  CHECK(calls(shortest) == 10);
  CHECK(calls(longer) == 3);
  CHECK(calls(unsteady) == 4);  // until two of its times agree
  CHECK(calls(longest) == 2);   // whether or not
}

TEST_CASE("where all times are wanted nobody leaves") {
  FakeClock clock{{{1.0}, {5.0, 4.0}}};
  CHECK(shortest_times(2, [&](std::size_t way) { return clock(way); }) ==
        std::vector<double>{kUnit * 1.0, kUnit * 4.0});
  CHECK(clock.calls == std::vector<std::size_t>{3, 3});
}
