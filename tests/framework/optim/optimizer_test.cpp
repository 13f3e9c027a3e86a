#include "framework/optim/optimizer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "framework/core/error.h"
#include "framework/optim/adamw.h"
#include "framework/optim/sgd.h"
#include "framework/tensor/storage.h"
#include "kernels/base/parallel.h"
#include "tests/framework/optim/optimizer_fixture.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

optim::SgdSettings momentum_settings(double clip_norm = 0.0) {
  return {{.lr = 0.1, .weight_decay = 0.01, .clip_norm = clip_norm}, 0.9};
}

double norm_of_kept_gradients(OptimizerFixture& fixture) {
  double sum = 0.0;
  for (const nn::Parameter* parameter : fixture.parameters()) {
    for (std::int64_t i = 0; i < parameter->value.numel(); ++i) {
      const double g = parameter->grad().data()[i];
      if (parameter->mask.dense() || parameter->mask.data()[i] != 0) sum += g * g;
    }
  }
  return std::sqrt(sum);
}

std::vector<std::vector<float>> weights_of(OptimizerFixture& fixture) {
  std::vector<std::vector<float>> weights;
  for (const nn::Parameter* parameter : fixture.parameters()) weights.push_back(parameter->value.to_vector());
  return weights;
}

// Writes down what it sees, and prunes every weight of "a.weight" but the first after step 1.
struct RecordingHook : optim::StepHook {
  explicit RecordingHook(std::vector<std::string>& seen_calls) : calls(seen_calls) {}
  void before_step(const optim::StepInfo& info, std::span<nn::Parameter* const> parameters) override {
    calls.push_back(fmt::format("before {} lr {}", info.step, info.lr));
    weight_before = parameters[0]->value.data()[0];
  }
  bool after_step(const optim::StepInfo& info, std::span<nn::Parameter* const> parameters) override {
    calls.push_back(fmt::format("after {}", info.step));
    updated = parameters[0]->value.data()[0] != weight_before;
    if (info.step != 1) return false;
    for (std::int64_t i = 1; i < parameters[0]->value.numel(); ++i) parameters[0]->mask.data()[i] = 0;
    return true;
  }
  std::vector<std::string>& calls;
  float weight_before = 0.0f;
  bool updated = false;
};

}  // namespace

TEST_CASE("hooks see the weights before and after the update") {
  OptimizerFixture fixture;
  fixture.parameters()[0]->mask.data()[0] = 1;
  std::vector<std::string> calls;
  RecordingHook hook(calls);
  optim::Sgd sgd(fixture.parameters(), momentum_settings());
  sgd.add_hook(&hook);
  fixture.draw_gradients(1);
  sgd.step();
  CHECK(calls == std::vector<std::string>{"before 0 lr 0.1", "after 0"});
  CHECK(hook.updated);
}

TEST_CASE("a mask that a hook changes holds after the step, for weights and moments") {
  OptimizerFixture fixture;
  std::vector<std::string> calls;
  RecordingHook hook(calls);
  optim::Sgd sgd(fixture.parameters(), momentum_settings());
  sgd.add_hook(&hook);
  for (int step = 1; step <= 2; ++step) {
    fixture.draw_gradients(step);
    sgd.step();
  }
  CHECK_NOTHROW(sgd.check_masks());
  const std::vector<float> weights = fixture.parameters()[0]->value.to_vector();
  CHECK(std::all_of(weights.begin() + 1, weights.end(), [](float w) { return w == 0.0f; }));
}

TEST_CASE("check_masks names the parameter that breaks the contract") {
  OptimizerFixture fixture;
  optim::Sgd sgd(fixture.parameters(), momentum_settings());
  nn::Parameter& parameter = *fixture.parameters()[1];
  parameter.mask.data()[4] = 0;
  parameter.value.data()[4] = 1.0f;
  CHECK_THROWS_WITH_AS(sgd.check_masks(), doctest::Contains("b.weight has a pruned weight that is not 0"),
                       Error);
  sgd.enforce_masks();
  CHECK_NOTHROW(sgd.check_masks());
}

TEST_CASE("a regrown weight starts at zero with no momentum") {
  OptimizerFixture fixture;
  optim::Sgd sgd(fixture.parameters(), {{.lr = 0.1}, 0.9});
  fixture.draw_gradients(1);
  sgd.step();
  nn::Parameter& parameter = *fixture.parameters()[1];
  const auto pruned = std::find(parameter.mask.data(), parameter.mask.data() + parameter.value.numel(), 0);
  const std::int64_t i = pruned - parameter.mask.data();
  parameter.mask.data()[i] = 1;
  fixture.draw_gradients(2);
  sgd.step();
  CHECK(parameter.value.data()[i] == -0.1f * parameter.grad().data()[i]);
}

TEST_CASE("the gradient norm covers kept weights and is scaled") {
  OptimizerFixture fixture;
  optim::Sgd sgd(fixture.parameters(), momentum_settings());
  fixture.draw_gradients(1);
  sgd.set_gradient_scale(0.25);
  sgd.step();
  CHECK(sgd.gradient_norm() == doctest::Approx(0.25 * norm_of_kept_gradients(fixture)).epsilon(1e-6));
}

TEST_CASE("clipping scales gradients down to the norm, and only down") {
  for (const double clip_norm : {1.0, 1e6}) {
    CAPTURE(clip_norm);
    OptimizerFixture clipped, by_hand;
    optim::Sgd sgd(clipped.parameters(), momentum_settings(clip_norm));
    optim::Sgd plain(by_hand.parameters(), momentum_settings());
    for (int step = 1; step <= 3; ++step) {
      clipped.draw_gradients(step);
      by_hand.draw_gradients(step);
      plain.set_gradient_scale(std::min(1.0, clip_norm / norm_of_kept_gradients(by_hand)));
      sgd.step();
      plain.step();
    }
    // The norm itself differs by rounding between the two.
    for (std::size_t p = 0; p < clipped.parameters().size(); ++p) {
      for (std::int64_t i = 0; i < clipped.parameters()[p]->value.numel(); ++i) {
        REQUIRE(clipped.parameters()[p]->value.data()[i] ==
                doctest::Approx(by_hand.parameters()[p]->value.data()[i]).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("a gradient that is not finite stops the step before any weight changes") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    OptimizerFixture fixture;
    optim::Sgd sgd(fixture.parameters(), momentum_settings());
    fixture.draw_gradients(1);
    fixture.parameters()[2]->grad().data()[3] = bad;
    const auto before = weights_of(fixture);
    try {
      sgd.step();
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::not_finite);
      CHECK(std::string(error.what()).find("step 0: the gradient of b.bias is not finite") !=
            std::string::npos);
    }
    CHECK(weights_of(fixture) == before);
    CHECK(sgd.steps() == 0);
  }
}

TEST_CASE("a parameter without a gradient keeps its value") {
  OptimizerFixture fixture;
  optim::Sgd sgd(fixture.parameters(), momentum_settings());
  fixture.draw_gradients(1);
  fixture.parameters()[4]->value.set_grad({});
  const std::vector<float> before = fixture.parameters()[4]->value.to_vector();
  sgd.step();
  CHECK(fixture.parameters()[4]->value.to_vector() == before);
}

TEST_CASE("a step has the same bits for any number of threads") {
  const int threads_before = kernels::num_threads();
  std::vector<std::vector<std::vector<float>>> results;
  for (const int threads : {1, 2, 3}) {
    kernels::set_num_threads(threads);
    OptimizerFixture fixture;
    optim::Sgd sgd(fixture.parameters(), momentum_settings(1.0));
    for (int step = 1; step <= 3; ++step) {
      fixture.draw_gradients(step);
      sgd.step();
    }
    results.push_back(weights_of(fixture));
  }
  kernels::set_num_threads(threads_before);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("an optimizer that loads its state goes on with the same bits") {
  OptimizerFixture straight, stopped;
  optim::Sgd a(straight.parameters(), momentum_settings());
  optim::Sgd b(stopped.parameters(), momentum_settings());
  for (int step = 1; step <= 2; ++step) {
    straight.draw_gradients(step);
    a.step();
    stopped.draw_gradients(step);
    b.step();
  }
  optim::Sgd resumed(stopped.parameters(), momentum_settings());
  NamedTensors state;
  for (const auto& [name, tensor] : b.state()) state.emplace_back(name, tensor.clone());
  CHECK(state[0].first == "a.weight.momentum");
  resumed.load_state(state, b.steps());
  straight.draw_gradients(3);
  a.step();
  stopped.draw_gradients(3);
  resumed.step();
  CHECK(resumed.steps() == 3);
  CHECK(weights_of(straight) == weights_of(stopped));
}

TEST_CASE("load_state names all that does not fit and copies nothing") {
  OptimizerFixture fixture;
  optim::Sgd sgd(fixture.parameters(), momentum_settings());
  NamedTensors state;
  for (const auto& [name, tensor] : sgd.state()) state.emplace_back(name, Tensor::full(tensor.shape(), 1.0f));
  state[0].second = Tensor::zeros({2});
  state[1].first = "b.weight.velocity";
  const std::string message = [&] {
    try {
      sgd.load_state(state, 1);
    } catch (const Error& error) { return std::string(error.what()); }
    return std::string();
  }();
  CHECK(message ==
        "[optimizer state] the state does not fit:"
        "\n  a.weight.momentum: expected f32 [150, 130], got f32 [2]"
        "\n  missing: b.weight.momentum f32 [7, 5, 3, 3]"
        "\n  unexpected: b.weight.velocity f32 [7, 5, 3, 3]");
  for (const auto& [name, tensor] : sgd.state()) CHECK(tensor.to_vector()[0] == 0.0f);
}

TEST_CASE("pruned weights' gradients are asked for in the steps in which a hook reads them, and no others") {
  struct ReadsEveryThird : optim::StepHook {
    bool reads_pruned_gradients(std::int64_t step) const override { return step % 3 == 2; }
  };
  OptimizerFixture fixture;
  const nn::Parameter& parameter = *fixture.parameters()[0];
  CHECK(parameter.pruned_gradients);  // nobody has said otherwise
  optim::Sgd sgd(fixture.parameters(), {{.lr = 0.1}, 0.9});
  CHECK_FALSE(parameter.pruned_gradients);
  ReadsEveryThird hook;
  sgd.add_hook(&hook);
  for (std::int64_t step = 0; step < 7; ++step) {
    CHECK(parameter.pruned_gradients == (step % 3 == 2));
    fixture.draw_gradients(step);
    sgd.step();
  }
  sgd.load_state(sgd.state(), 2);  // as a resumed run does
  CHECK(parameter.pruned_gradients);
}

namespace {

// Holds moments for every weight, whatever is pruned.
template <class Base>
struct Whole : Base {
  using Base::Base;
  bool needs_whole(std::size_t) const override { return true; }
};

// Keeps `share` of a parameter's weights: others than with another seed, and than lived before.
void draw_mask(nn::Parameter& parameter, double share, std::uint64_t seed) {
  parameter.mask = Mask::ones(parameter.value.shape());
  Random random(seed, parameter.name);
  for (std::int64_t i = 0; i < parameter.value.numel(); ++i)
    parameter.mask.data()[i] = double{random.uniform()} < share ? 1 : 0;
}

struct MaskChanges : optim::StepHook {
  bool after_step(const optim::StepInfo& info, std::span<nn::Parameter* const> parameters) override {
    constexpr double kShares[] = {0.5, 0.2, 0.05, 0.0, 0.1, 0.6, 0.25, 0.24};
    if (info.step % 2 != 0) return false;
    for (std::size_t p = 0; p < 2; ++p)
      draw_mask(*parameters[p], kShares[info.step / 2 % 8], static_cast<std::uint64_t>(info.step));
    return true;
  }
};

template <class Optimizer, class Settings>
void check_moments_where_kept(const Settings& settings) {
  OptimizerFixture of_kept, of_all;
  Optimizer kept(of_kept.parameters(), settings);
  Whole<Optimizer> all(of_all.parameters(), settings);
  MaskChanges changes;
  kept.add_hook(&changes);
  all.add_hook(&changes);
  for (std::int64_t step = 0; step < 17; ++step) {
    CAPTURE(step);
    of_kept.draw_gradients(step);
    of_all.draw_gradients(step);
    kept.step();
    all.step();
    CHECK_NOTHROW(kept.check_masks());
    CHECK(weights_of(of_kept) == weights_of(of_all));
    const NamedTensors a = kept.state(), b = all.state();
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      CAPTURE(a[i].first);
      CHECK(a[i].second.shape() == b[i].second.shape());
      CHECK(a[i].second.to_vector() == b[i].second.to_vector());
    }
    if (step % 5 == 4) {  // as a resumed run does
      NamedTensors saved;
      for (const auto& [name, moment] : a) saved.emplace_back(name, moment.clone());
      kept.load_state(saved, kept.steps());
    }
  }
}

}  // namespace

TEST_CASE("moments that are held for kept weights alone are those that are held for all") {
  check_moments_where_kept<optim::Sgd>(momentum_settings());
  check_moments_where_kept<optim::AdamW>(optim::AdamWSettings{{.lr = 0.01, .weight_decay = 0.1}});
}

TEST_CASE("pruned weights' moments take no memory") {
  OptimizerFixture fixture;
  nn::Parameter& large = *fixture.parameters()[0];
  optim::AdamW adam(fixture.parameters(), {{.lr = 0.01}});
  const auto in_use = [] { return static_cast<std::int64_t>(allocator_stats().in_use_bytes); };
  const std::int64_t before = in_use();
  draw_mask(large, 0.1, 1);  // u8
  adam.enforce_masks();
  const std::int64_t two_moments = 2 * 4 * large.value.numel();
  CHECK(before - in_use() > two_moments * 8 / 10 - large.value.numel());
}

TEST_CASE("a mask that was changed without a word holds from the next step on") {
  OptimizerFixture fixture;
  nn::Parameter& large = *fixture.parameters()[0];
  optim::Sgd sgd(fixture.parameters(), momentum_settings());
  for (const double share : {0.2, 0.1, 0.15, 0.9}) {
    draw_mask(large, share, 7);
    fixture.draw_gradients(1);
    sgd.step();
    CHECK_NOTHROW(sgd.check_masks());
  }
}

TEST_CASE(
    "an optimizer that is made for a pruned model holds kept weights' moments alone from its first step") {
  OptimizerFixture of_told, of_untold;
  for (OptimizerFixture* fixture : {&of_told, &of_untold}) draw_mask(*fixture->parameters()[0], 0.1, 1);
  optim::Sgd told(of_told.parameters(), momentum_settings()),
      untold(of_untold.parameters(), momentum_settings());
  told.enforce_masks();
  CHECK_FALSE(of_untold.parameters()[0]->takes_kept_gradients);
  for (std::int64_t step = 0; step < 3; ++step) {
    for (OptimizerFixture* fixture : {&of_told, &of_untold}) fixture->draw_gradients(step);
    told.step();
    untold.step();
    CHECK(of_untold.parameters()[0]->takes_kept_gradients);
    CHECK(weights_of(of_told) == weights_of(of_untold));
  }
}

TEST_CASE("a mask of another shape than its parameter is refused before anything is written") {
  OptimizerFixture fixture;
  optim::Sgd sgd(fixture.parameters(), momentum_settings());
  const auto before = weights_of(fixture);
  fixture.parameters()[1]->mask = Mask::ones({7, 5, 1, 1});
  CHECK_THROWS_WITH_AS(sgd.enforce_masks(), doctest::Contains("a mask of shape [7, 5, 1, 1]"), Error);
  fixture.draw_gradients(1);
  CHECK_THROWS_AS(sgd.step(), Error);
  CHECK(weights_of(fixture) == before);
}

TEST_CASE("enforcing masks twice leaves dormant weights as they are") {
  OptimizerFixture fixture;
  optim::Sgd sgd(fixture.parameters(), momentum_settings());
  nn::Parameter& parameter = *fixture.parameters()[4];
  parameter.mask = Mask::ones(parameter.value.shape());
  parameter.mask.data()[0] = 0;
  parameter.dormant = Tensor::zeros(parameter.value.shape());
  const float weight = parameter.value.data()[0];
  for (int i = 0; i < 2; ++i) {
    sgd.enforce_masks();
    CHECK(parameter.value.data()[0] == 0.0f);
    CHECK(parameter.dormant.data()[0] == weight);
  }
}
