#include <doctest/doctest.h>

#include "pruning/schedules/cubic.h"
#include "pruning/schedules/one_shot.h"
#include "pruning/schedules/schedule.h"

using namespace espalier::pruning;

TEST_CASE("one-shot is due once") {
  const OneShot at_start;
  CHECK(at_start.due(0, 100));
  CHECK_FALSE(at_start.due(1, 100));
  CHECK(at_start.progress(0, 100) == 1.0);
}

TEST_CASE("cubic starts at nothing, ends at everything, and never goes back") {
  const Cubic cubic;  // from 0 to 3/4 of the steps
  CHECK(cubic.progress(0, 1000) == 0.0);
  CHECK(cubic.progress(750, 1000) == 1.0);
  CHECK(cubic.progress(1000, 1000) == 1.0);
  // Half way through the window: 1 - (1/2)^3.
  CHECK(cubic.progress(375, 1000) == doctest::Approx(0.875));
  double before = 0.0;
  for (int step = 0; step <= 1000; ++step) {
    CHECK(cubic.progress(step, 1000) >= before);
    before = cubic.progress(step, 1000);
  }
}

TEST_CASE("cubic is due every so many steps within its window, and at its end") {
  const Cubic cubic;
  CHECK(cubic.due(0, 1000));
  CHECK(cubic.due(100, 1000));
  CHECK_FALSE(cubic.due(150, 1000));
  CHECK(cubic.due(750, 1000));
  CHECK_FALSE(cubic.due(800, 1000));
}
