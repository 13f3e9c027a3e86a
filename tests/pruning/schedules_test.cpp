#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "pruning/schedules/cubic.h"
#include "pruning/schedules/one_shot.h"
#include "pruning/schedules/schedule.h"
#include "tests/support/set_fields.h"

using namespace espalier::pruning;

TEST_CASE("one-shot is due once") {
  const OneShot at_start;
  CHECK(at_start.due(0, 100));
  CHECK_FALSE(at_start.due(1, 100));
  CHECK(at_start.sparsity(0, 100, 0.8) == 0.8);
}

TEST_CASE("gradual schedules start at nothing, end at everything, and never go back") {
  for (const char* name : {"cubic", "linear", "exponential", "iterative"}) {
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

TEST_CASE("a schedule that ends before it begins is refused") {
  for (const char* name : {"cubic", "linear", "exponential", "iterative", "cyclic"}) {
    CAPTURE(name);
    const auto schedule = schedule_registry().make(name);
    CHECK_NOTHROW(schedule->check());
    espalier::testing::SetFields late;
    late.numbers["begin"] = 0.8;  // after the 0.75 at which it ends
    schedule->fields(late);
    CHECK_THROWS_WITH_AS(schedule->check(), doctest::Contains("begins at 0.8"), espalier::Error);
  }
}

TEST_CASE("all weights go in the last round, not in the first") {
  for (const char* name : {"exponential", "iterative"}) {
    CAPTURE(name);
    const auto schedule = schedule_registry().make(name);
    CHECK(schedule->sparsity(749, 1000, 1.0) == 0.0);
    CHECK(schedule->sparsity(750, 1000, 1.0) == 1.0);
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

TEST_CASE("iterative prunes in five rounds, each the same share of what is left") {
  const auto iterative = schedule_registry().make("iterative");
  int rounds = 0;
  double density = 1.0;
  for (int step = 0; step <= 1000; ++step) {
    if (!iterative->due(step, 1000)) continue;
    CHECK(step == 150 * ++rounds);  // five in 750 steps
    const double next = 1.0 - iterative->sparsity(step, 1000, 0.9);
    CHECK(next / density == doctest::Approx(std::pow(0.1, 0.2)));
    density = next;
  }
  CHECK(rounds == 5);
}

TEST_CASE("cyclic rises to full sparsity in each cycle, and opens again between them") {
  const auto cyclic = schedule_registry().make("cyclic");  // three cycles in 750 steps
  std::vector<int> opened;
  double before = 0.0;
  for (int step = 0; step <= 1000; ++step) {
    const double sparsity = cyclic->sparsity(step, 1000, 0.9);
    if (cyclic->reopens(step, 1000)) {
      opened.push_back(step);
      CHECK(before == doctest::Approx(0.9));
      CHECK(sparsity == doctest::Approx(0.0));
      CHECK(cyclic->due(step, 1000));
    } else {
      CHECK(sparsity >= before);
    }
    before = sparsity;
  }
  CHECK(opened == std::vector<int>{250, 500});
  for (const int full : {200, 450, 700, 750}) CHECK(cyclic->due(full, 1000));
  CHECK(cyclic->sparsity(200, 1000, 0.9) == doctest::Approx(0.9));
  CHECK(cyclic->sparsity(1000, 1000, 0.9) == 0.9);
}
