#include "framework/optim/adamw.h"

#include <doctest/doctest.h>

#include <cmath>

#include "framework/core/error.h"
#include "tests/framework/optim/optimizer_fixture.h"

using namespace espalier;
using namespace espalier::testing;

TEST_CASE("adamw and adam follow their formulas") {
  for (optim::AdamWSettings settings : {optim::adamw_defaults(), optim::adam_defaults()}) {
    settings.lr = 0.01;
    settings.weight_decay = 0.1;
    settings.decay_norm_and_bias = false;
    CAPTURE(settings.decoupled_decay);
    OptimizerFixture fixture;
    optim::AdamW adam(fixture.parameters(), settings);
    const auto textbook = [&](TextbookWeight& t, double g, std::int64_t step,
                              const nn::Parameter& parameter) {
      const double decay = parameter.kind == nn::ParameterKind::weight ? settings.weight_decay : 0.0;
      if (settings.decoupled_decay) {
        t.w -= settings.lr * decay * t.w;
      } else {
        g += decay * t.w;
      }
      t.m = settings.beta1 * t.m + (1.0 - settings.beta1) * g;
      t.v = settings.beta2 * t.v + (1.0 - settings.beta2) * g * g;
      const double m = t.m / (1.0 - std::pow(settings.beta1, static_cast<double>(step)));
      const double v = t.v / (1.0 - std::pow(settings.beta2, static_cast<double>(step)));
      t.w -= settings.lr * m / (std::sqrt(v) + settings.eps);
    };
    // Weights are below 4, a step moves them by about lr: a few roundings of 2^-22 each step.
    check_against_textbook(fixture, adam, textbook, 4e-6f);
  }
}

TEST_CASE("adamw corrects its moments by the steps that they have seen, wherever training begins") {
  OptimizerFixture a, b;
  optim::AdamW early(a.parameters(), optim::adamw_defaults()), late(b.parameters(), optim::adamw_defaults());
  late.begin_at(500);
  const auto step_both = [&](std::int64_t step, optim::Optimizer& other) {
    a.draw_gradients(step);
    b.draw_gradients(step);
    early.step();
    other.step();
    CHECK(other.steps() == 500 + step);
    for (std::size_t p = 0; p < a.parameters().size(); ++p)
      CHECK(a.parameters()[p]->value.to_vector() == b.parameters()[p]->value.to_vector());
  };
  for (std::int64_t step = 1; step <= 3; ++step) step_both(step, late);
  optim::AdamW resumed(b.parameters(), optim::adamw_defaults());
  resumed.begin_at(500);
  resumed.load_state(late.state(), late.steps());
  step_both(4, resumed);
}

TEST_CASE("adamw's moments are saved under PyTorch's names") {
  OptimizerFixture fixture;
  const optim::AdamW adam(fixture.parameters(), optim::adamw_defaults());
  const NamedTensors state = adam.state();
  CHECK(state.size() == 10);
  CHECK(state[0].first == "a.weight.exp_avg");
  CHECK(state[1].first == "a.weight.exp_avg_sq");
}

TEST_CASE("adamw refuses means that never move") {
  OptimizerFixture fixture;
  optim::AdamWSettings first = optim::adamw_defaults(), second = first;
  first.beta1 = 1.0;
  second.beta2 = 1.0;
  CHECK_THROWS_WITH_AS(optim::AdamW(fixture.parameters(), first),
                       "[adamw] beta1 and beta2 expect values below 1, got 1 and 0.999", Error);
  CHECK_THROWS_AS(optim::AdamW(fixture.parameters(), second), Error);
}
