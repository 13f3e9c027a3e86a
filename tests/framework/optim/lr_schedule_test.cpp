#include "framework/optim/lr_schedule.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/set_fields.h"

using namespace espalier;
using testing::SetFields;

namespace {

std::unique_ptr<optim::LrSchedule> schedule(const std::string& name, SetFields fields = {}) {
  auto made = optim::lr_schedule_registry().make(name);
  made->fields(fields);
  return made;
}

constexpr double kPi = 3.14159265358979323846;

}  // namespace

TEST_CASE("constant is 1") {
  CHECK(schedule("constant")->at(0, 10) == 1.0);
  CHECK(schedule("constant")->at(9, 10) == 1.0);
}

TEST_CASE("step drops at its milestones") {
  SetFields fields;
  fields.lists["milestones_percent"] = {30, 60, 80};
  fields.numbers["gamma"] = 0.2;
  const auto step = schedule("step", fields);
  for (std::int64_t s = 0; s < 10; ++s) {
    CAPTURE(s);
    const int passed = s < 3 ? 0 : s < 6 ? 1 : s < 8 ? 2 : 3;
    CHECK(step->at(s, 10) == doctest::Approx(std::pow(0.2, passed)).epsilon(1e-12));
  }
}

TEST_CASE("linear and cosine run from 1 to the final multiplier") {
  SetFields fields;
  fields.numbers["final"] = 0.1;
  const auto linear = schedule("linear", fields), cosine = schedule("cosine", fields);
  for (std::int64_t s = 0; s < 8; ++s) {
    const double p = static_cast<double>(s) / 8.0;
    CHECK(linear->at(s, 8) == doctest::Approx(1.0 - 0.9 * p).epsilon(1e-12));
    CHECK(cosine->at(s, 8) == doctest::Approx(0.1 + 0.45 * (1.0 + std::cos(kPi * p))).epsilon(1e-12));
  }
}

TEST_CASE("one_cycle agrees with PyTorch's OneCycleLR") {
  // torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=20), steps 0, 1, 4, 5, 6, 12, 18, 19
  // (PyTorch 1.13).
  const auto cycle = schedule("one_cycle");
  const std::vector<std::pair<std::int64_t, double>> expected = {
      {0, 0.04},           {1, 0.1316718427}, {4, 0.9083281573},     {5, 1},
      {6, 0.987464006235}, {12, 0.500002},    {18, 0.0125399937649}, {19, 4e-06}};
  for (const auto& row : expected) {
    CAPTURE(row.first);
    CHECK(cycle->at(row.first, 20) == doctest::Approx(row.second).epsilon(1e-9));
  }
}

TEST_CASE("one_cycle with straight lines peaks where it is told to") {
  SetFields fields;
  fields.texts["anneal"] = "linear";
  fields.numbers = {{"rise", 0.5}, {"div", 10.0}, {"final_div", 10.0}};
  const auto cycle = schedule("one_cycle", fields);
  CHECK(cycle->at(0, 101) == doctest::Approx(0.1));
  CHECK(cycle->at(100, 101) == doctest::Approx(0.01));
  for (std::int64_t s = 0; s < 49; ++s) CHECK(cycle->at(s, 101) < cycle->at(s + 1, 101));
  for (std::int64_t s = 50; s < 100; ++s) CHECK(cycle->at(s, 101) > cycle->at(s + 1, 101));
}

TEST_CASE("warm-up rises in a straight line to the schedule, which then has the rest of the steps") {
  SetFields fields;
  fields.numbers["warmup_fraction"] = 0.2;
  const auto warmed = schedule("cosine", fields), plain = schedule("cosine");
  for (std::int64_t s = 0; s < 4; ++s) {
    CHECK(warmed->at(s, 20) == doctest::Approx(static_cast<double>(s + 1) / 5.0).epsilon(1e-12));
  }
  for (std::int64_t s = 4; s < 20; ++s) CHECK(warmed->at(s, 20) == plain->at(s - 4, 16));
}

TEST_CASE("every schedule stays within 0 and 1, for runs of a single step too") {
  for (const std::string& name : optim::lr_schedule_registry().names()) {
    CAPTURE(name);
    for (const double warmup : {0.0, 0.3, 1.0}) {
      SetFields fields;
      fields.numbers["warmup_fraction"] = warmup;
      const auto made = schedule(name, fields);
      for (const std::int64_t total : {1, 2, 3, 17}) {
        for (std::int64_t s = 0; s < total; ++s) {
          const double multiplier = made->at(s, total);
          CHECK(multiplier >= 0.0);
          CHECK(multiplier <= 1.0);
        }
      }
    }
  }
}

TEST_CASE("a step outside of the run is an error") {
  CHECK_THROWS_WITH_AS(schedule("constant")->at(10, 10), "[lr_schedule] step 10 is not one of 10 steps",
                       Error);
  CHECK_THROWS_AS(schedule("constant")->at(-1, 10), Error);
}
