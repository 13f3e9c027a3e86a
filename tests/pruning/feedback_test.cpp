#include "pruning/policies/feedback.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "framework/core/error.h"
#include "framework/optim/registry.h"
#include "pruning/pruner.h"
#include "tests/pruning/parameters.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;
using espalier::testing::Parameters;

namespace {

constexpr std::int64_t kSteps = 200, kOver = 160;

// Nine tenths of the weights go between steps 40 and 120; they learn on until step 160.
PrunerSettings most_with_feedback() {
  PrunerSettings settings;
  settings.sparsity = 0.9;
  settings.schedule = schedule_registry().make("cubic");
  settings.regrow = regrow_registry().make(settings.regrow_kind = "feedback");
  testing::SetFields when;
  when.numbers = {{"begin", 0.2}, {"end", 0.6}, {"every", 10}};
  settings.schedule->fields(when);
  testing::SetFields until;
  until.numbers = {{"end", 0.8}, {"every", 10}};
  settings.regrow->fields(until);
  return settings;
}

// Two layers, one of which the pruner leaves alone, and the optimizer that trains them.
struct Training {
  explicit Training(const std::string& optimizer_kind, bool prunes) {
    parameters.add("conv.weight", {16, 16, 3, 3});
    parameters.add("fc.weight", {10, 64});
    parameters.add("fc.bias", {10}, 1.0f, nn::ParameterKind::bias);
    optimizer = optim::optimizer_registry().make(optimizer_kind)->build(parameters.all());
    if (!prunes) return;
    pruner = std::make_unique<Pruner>(most_with_feedback(), parameters.list(), kSteps);
    optimizer->add_hook(pruner.get());
  }
  void step(std::int64_t step) {
    parameters.draw_gradients(step);
    optimizer->step();
  }
  nn::Parameter& conv() { return *parameters.list()[0]; }

  Parameters parameters;
  std::unique_ptr<Pruner> pruner;
  std::unique_ptr<optim::Optimizer> optimizer;
};

std::vector<float> bits_of(const Training& training) {
  std::vector<float> all;
  for (const nn::Parameter* p : training.parameters.list()) {
    const std::vector<float> values = p->value.to_vector();
    all.insert(all.end(), values.begin(), values.end());
  }
  for (const auto& [name, moment] : training.optimizer->state()) {
    const std::vector<float> values = moment.to_vector();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

}  // namespace

TEST_CASE("what lives and what is dormant are together the weights that training without pruning has") {
  for (const std::string& kind : optim::optimizer_registry().names()) {
    CAPTURE(kind);
    Training pruned(kind, true), dense(kind, false);
    pruned.pruner->start();
    for (std::int64_t step = 0; step < kOver - 1; ++step) {  // gradients that are drawn do not see the mask
      pruned.step(step);
      dense.step(step);
      REQUIRE_NOTHROW(pruned.optimizer->check_masks());
      const nn::Parameter& conv = pruned.conv();
      const float* whole = dense.conv().value.data();
      for (std::int64_t i = 0; i < conv.value.numel(); ++i) {
        const float dormant = conv.dormant.defined() ? conv.dormant.data()[i] : 0.0f;
        REQUIRE(conv.value.data()[i] + dormant == whole[i]);
        if (dormant != 0.0f) REQUIRE(conv.mask.data()[i] == 0);
      }
    }
    CHECK(pruned.pruner->density() == doctest::Approx(0.1).epsilon(1e-2));
  }
}

TEST_CASE("every change of the masks keeps the largest of all weights, whatever was pruned before") {
  Training training("sgd", true);
  std::int64_t grown = 0;
  training.pruner->on_event([&](const PruneEvent& event) { grown += event.grown_weights; });
  training.pruner->start();
  for (std::int64_t step = 0; step < kOver - 10; ++step) training.step(step);
  float weakest_kept = 1e9f, strongest_dormant = 0.0f;
  for (std::size_t p = 0; p < 2; ++p) {
    const nn::Parameter& parameter = *training.parameters.list()[p];
    for (std::int64_t i = 0; i < parameter.value.numel(); ++i) {
      if (parameter.mask.data()[i] != 0) {
        weakest_kept = std::min(weakest_kept, std::abs(parameter.value.data()[i]));
      } else {
        strongest_dormant = std::max(strongest_dormant, std::abs(parameter.dormant.data()[i]));
      }
    }
  }
  CHECK(strongest_dormant > 0.0f);
  CHECK(weakest_kept >= strongest_dormant);
  CHECK(grown > 100);
}

TEST_CASE("dense gradients are asked for until it is over; then masks stay and nothing lives under them") {
  Training training("adamw", true);
  training.pruner->start();
  for (std::int64_t step = 0; step < kOver; ++step) {
    CHECK(training.conv().pruned_gradients);
    training.step(step);
  }
  CHECK_FALSE(training.conv().pruned_gradients);
  CHECK_FALSE(training.conv().dormant.defined());
  const std::vector<std::uint8_t> mask(training.conv().mask.data(),
                                       training.conv().mask.data() + training.conv().value.numel());
  for (std::int64_t step = kOver; step < kSteps; ++step) {
    CHECK_NOTHROW(training.optimizer->check_masks());  // moments too
    training.step(step);
  }
  CHECK(std::equal(mask.begin(), mask.end(), training.conv().mask.data()));
}

TEST_CASE("training that stops while weights are dormant goes on to the same bits") {
  for (const std::int64_t stop : {30, 75, 130, 170}) {
    CAPTURE(stop);
    Training straight("muon", true), resumed("muon", true);
    straight.pruner->start();
    for (std::int64_t step = 0; step < stop; ++step) straight.step(step);
    for (std::size_t p = 0; p < 3; ++p) {
      nn::Parameter& to = *resumed.parameters.list()[p];
      const nn::Parameter& from = *straight.parameters.list()[p];
      to.value.copy_(from.value);
      if (!from.mask.dense()) to.mask = Mask::from(from.mask.bytes().clone());
    }
    NamedTensors moments;
    for (const auto& [name, tensor] : straight.optimizer->state()) moments.emplace_back(name, tensor.clone());
    resumed.pruner->load_state(straight.pruner->state());
    resumed.optimizer->load_state(moments, stop);
    CHECK_NOTHROW(resumed.optimizer->check_masks());
    for (std::int64_t step = stop; step < kSteps; ++step) {
      straight.step(step);
      resumed.step(step);
    }
    CHECK(bits_of(straight) == bits_of(resumed));
  }
}

TEST_CASE("dormant weights of another stage are refused") {
  Training training("sgd", true);
  training.pruner->start();
  for (std::int64_t step = 0; step < 80; ++step) training.step(step);
  auto state = training.pruner->state();
  REQUIRE(state.size() == 2);
  state[0].first = "dormant.other.weight";
  Training fresh("sgd", true);
  CHECK_THROWS_AS(fresh.pruner->load_state(state), Error);
  state[0] = {"dormant.conv.weight", Tensor::zeros({3})};
  CHECK_THROWS_AS(fresh.pruner->load_state(state), Error);
}
