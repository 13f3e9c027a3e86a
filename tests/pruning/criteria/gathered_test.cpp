// Criteria that learn from training: from the gradients of its steps.
#include "pruning/criteria/gathered.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "framework/core/error.h"
#include "pruning/pruner.h"
#include "tests/pruning/parameters.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;
using espalier::testing::Parameters;

TEST_CASE("movement adds up -w dL/dw: what grows away from zero gains") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("fc.weight", {1, 3});
  std::copy_n(std::vector<float>{2, -2, 1}.begin(), 3, p.value.data());
  p.value.set_grad(Tensor::from({-1, 0.5f, 1}, {1, 3}));  // the first two will grow in size, the third shrink
  const auto movement = criterion_registry().make("movement");
  movement->observe({0, 0.1}, parameters.list());
  movement->observe({1, 0.1}, parameters.list());
  CHECK(movement->scores(p).to_vector() == std::vector<float>{4, 2, -2});
}

TEST_CASE("taylor averages the squared change of the loss") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("fc.weight", {1, 2});
  std::copy_n(std::vector<float>{2, -3}.begin(), 2, p.value.data());
  p.value.set_grad(Tensor::from({0.5f, 1}, {1, 2}));
  const auto taylor = criterion_registry().make("taylor");
  taylor->observe({0, 0.1}, parameters.list());
  CHECK(taylor->scores(p).data()[0] == doctest::Approx(0.01 * 1.0));
  CHECK(taylor->scores(p).data()[1] == doctest::Approx(0.01 * 9.0));
}

TEST_CASE("a filter's Taylor score in the norm of its method is the mean of its weights'") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("conv.weight", {1, 1, 1, 2});
  std::copy_n(std::vector<float>{2, -3}.begin(), 2, p.value.data());
  p.value.set_grad(Tensor::from({0.5f, 1}, {1, 1, 1, 2}));
  const auto taylor = criterion_registry().make("taylor");
  taylor->observe({0, 0.1}, parameters.list());
  const auto filter = granularity_registry().make("filter");
  testing::SetFields l1;
  l1.texts["norm"] = "l1";
  filter->fields(l1);
  CHECK(filter->unit_scores(taylor->scores(p), p.mask).data()[0] == doctest::Approx(0.01 * (1.0 + 9.0) / 2));
}

TEST_CASE("soft movement refuses a warm-up and a cool-down that leave nothing between") {
  const auto soft = criterion_registry().make("soft_movement");
  testing::SetFields keys;
  keys.numbers = {{"warmup", 0.6}, {"cooldown", 0.5}};
  soft->fields(keys);
  CHECK_THROWS_WITH_AS(soft->begin(10), doctest::Contains("more than the stage"), Error);
}

TEST_CASE("soft movement trains a score by Adam, and raises its threshold after the warm-up") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("fc.weight", {1, 2});
  std::copy_n(std::vector<float>{2, -3}.begin(), 2, p.value.data());
  const auto soft = criterion_registry().make("soft_movement");
  testing::SetFields keys;
  keys.numbers = {{"lr", 0.5}, {"threshold", 0.2}, {"penalty", 0.0}, {"warmup", 0.1}, {"cooldown", 0.3}};
  soft->fields(keys);
  soft->begin(10);
  CHECK(soft->scores(p).to_vector() == std::vector<float>{0.5f, 0.5f});
  CHECK(soft->threshold() == 0.0f);
  p.value.set_grad(Tensor::from({1, 1}, {1, 2}));  // the first shrinks, the second grows
  soft->observe({0, 0.1}, parameters.list());
  // Adam's first step is the rate, whatever the slope: scores -0.5 and 0.5.
  CHECK(soft->scores(p).data()[0] == doctest::Approx(1.0 / (1.0 + std::exp(0.5))));
  CHECK(soft->scores(p).data()[1] == doctest::Approx(1.0 / (1.0 + std::exp(-0.5))));
  CHECK(soft->threshold() == 0.0f);
  for (std::int64_t step = 1; step < 4; ++step) soft->observe({step, 0.1}, parameters.list());
  CHECK(double{*soft->threshold()} == doctest::Approx(0.2 * (1.0 - 0.125)));  // half way from step 1 to 7
  for (std::int64_t step = 4; step < 7; ++step) soft->observe({step, 0.1}, parameters.list());
  CHECK(double{*soft->threshold()} == doctest::Approx(0.2));
}

TEST_CASE("soft movement's penalty pushes scores down, and the pruner takes no more than fall below it") {
  const auto density = [](double threshold, double sparsity) {
    Parameters parameters;
    parameters.add("fc.weight", {10, 20});
    PrunerSettings settings;
    settings.sparsity = sparsity;
    settings.criterion = criterion_registry().make("soft_movement");
    settings.schedule = schedule_registry().make("linear");
    testing::SetFields keys;
    keys.numbers = {{"lr", 0.1},       {"threshold", threshold}, {"penalty", 1e6}, {"warmup", 0.0},
                    {"cooldown", 1.0}, {"begin", 0.1},           {"every", 1.0}};
    settings.criterion->fields(keys);
    settings.schedule->fields(keys);
    Pruner pruner(std::move(settings), parameters.list(), 20);
    for (std::int64_t step = 0; step < 20; ++step) {
      parameters.draw_gradients(step);
      pruner.before_step({step, 0.1}, parameters.list());
      pruner.after_step({step, 0.1}, parameters.list());
    }
    return pruner.density();
  };
  CHECK(density(0.0, 0.9) == 1.0);                    // no score is below 0
  CHECK(density(0.49, 0.9) == doctest::Approx(0.1));  // all are, and the sparsity is the most that may go
}

TEST_CASE("what a criterion has gathered goes on from its state") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("fc.weight", {3, 5});
  for (const char* name : {"movement", "soft_movement", "taylor"}) {
    CAPTURE(name);
    const auto one = criterion_registry().make(name), two = criterion_registry().make(name);
    parameters.draw_gradients(1);
    one->observe({0, 0.1}, parameters.list());
    two->load_state(one->state());
    parameters.draw_gradients(2);
    one->observe({1, 0.1}, parameters.list());
    two->observe({1, 0.1}, parameters.list());
    CHECK(one->scores(p).to_vector() == two->scores(p).to_vector());
  }
}
