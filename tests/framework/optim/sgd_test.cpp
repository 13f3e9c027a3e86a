#include "framework/optim/sgd.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/framework/optim/optimizer_fixture.h"

using namespace espalier;
using namespace espalier::testing;

TEST_CASE("sgd follows its formula in every combination of momentum and decay") {
  for (const double momentum : {0.0, 0.9}) {
    for (const bool nesterov : {false, true}) {
      if (nesterov && momentum == 0.0) continue;
      for (const bool decoupled : {false, true}) {
        for (const bool decay_all : {false, true}) {
          CAPTURE(momentum);
          CAPTURE(nesterov);
          CAPTURE(decoupled);
          CAPTURE(decay_all);
          OptimizerFixture fixture;
          optim::SgdSettings settings;
          settings.lr = 0.05;
          settings.weight_decay = 0.1;
          settings.decay_norm_and_bias = decay_all;
          settings.momentum = momentum;
          settings.nesterov = nesterov;
          settings.decoupled_decay = decoupled;
          optim::Sgd sgd(fixture.parameters(), settings);
          const auto textbook = [&](TextbookWeight& t, double g, std::int64_t,
                                    const nn::Parameter& parameter) {
            const bool decays = decay_all || parameter.kind == nn::ParameterKind::weight;
            const double decay = decays ? settings.weight_decay : 0.0;
            if (decoupled) {
              t.w -= settings.lr * decay * t.w;
            } else {
              g += decay * t.w;
            }
            t.m = momentum * t.m + g;
            t.w -= settings.lr * (nesterov ? g + momentum * t.m : t.m);
          };
          // Weights and the sums of six steps are below 8: a few roundings of 2^-21 each step.
          check_against_textbook(fixture, sgd, textbook, 6e-6f);
        }
      }
    }
  }
}

TEST_CASE("sgd: a learning rate of 0 changes no kept weight") {
  OptimizerFixture fixture;
  optim::Sgd sgd(fixture.parameters(), {{.lr = 0.1, .weight_decay = 0.1}, 0.9});
  sgd.set_lr(0.0);
  const std::vector<float> before = fixture.parameters()[0]->value.to_vector();
  fixture.draw_gradients(1);
  sgd.step();
  CHECK(fixture.parameters()[0]->value.to_vector() == before);
}

TEST_CASE("sgd refuses nesterov without momentum") {
  OptimizerFixture fixture;
  optim::SgdSettings settings;
  settings.nesterov = true;
  CHECK_THROWS_WITH_AS(optim::Sgd(fixture.parameters(), settings),
                       "[sgd] nesterov needs momentum above 0, got 0", Error);
}
