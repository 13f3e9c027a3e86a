#include <doctest/doctest.h>

#include "pruning/schedules/cubic.h"
#include "pruning/schedules/one_shot.h"
#include "pruning/schedules/schedule.h"

using namespace espalier::pruning;

TEST_CASE("one-shot is due once") {
  const OneShot at_start;
  CHECK(at_start.due(0, 100));
  CHECK_FALSE(at_start.due(1, 100));
  CHECK(at_start.sparsity(0, 100, 0.8) == 0.8);
}

TEST_CASE("gradual schedules start at nothing, end at everything, and never go back") {
  for (const char* name : {"cubic", "linear", "exponential"}) {
    CAPTURE(name);
    const auto schedule = schedule_registry().make(name);  // from 0 to 3/4 of the steps
    CHECK(schedule->sparsity(0, 1000, 0.9) == 0.0);
    CHECK(schedule->sparsity(750, 1000, 0.9) == 0.9);
    CHECK(schedule->sparsity(1000, 1000, 0.9) == 0.9);
    double before = 0.0;
    for (int step = 0; step <= 1000; ++step) {
      CHECK(schedule->sparsity(step, 1000, 0.9) >= before);
      before = schedule->sparsity(step, 1000, 0.9);
    }
  }
}

TEST_CASE("half way through the window, each schedule stands where its formula says") {
  const auto half_way = [](const char* name) {
    return schedule_registry().make(name)->sparsity(375, 1000, 0.75);
  };
  CHECK(half_way("cubic") == doctest::Approx(0.75 * 0.875));
  CHECK(half_way("linear") == doctest::Approx(0.375));
  CHECK(half_way("exponential") == doctest::Approx(0.5));  // half of the density, twice
}

TEST_CASE("cubic is due every so many steps within its window, and at its end") {
  const Cubic cubic;
  CHECK(cubic.due(0, 1000));
  CHECK(cubic.due(100, 1000));
  CHECK_FALSE(cubic.due(150, 1000));
  CHECK(cubic.due(750, 1000));
  CHECK_FALSE(cubic.due(800, 1000));
}
