#include "pruning/policies/regrow.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "framework/optim/sgd.h"
#include "pruning/policies/exchange.h"
#include "pruning/pruner.h"
#include "tests/pruning/parameters.h"

using namespace espalier;
using namespace espalier::pruning;
using espalier::testing::Parameters;

namespace {

PrunerSettings sparse_from_the_start(const char* regrow) {
  PrunerSettings settings;
  settings.sparsity = 0.8;
  settings.criterion = criterion_registry().make("random");
  settings.scope = scope_registry().make("erk");
  settings.regrow = regrow_registry().make(regrow);
  return settings;
}

std::vector<std::uint8_t> mask_of(const nn::Parameter& p) {
  return {p.mask.data(), p.mask.data() + p.value.numel()};
}

}  // namespace

TEST_CASE("regrowth moves connections, and keeps their number in each layer") {
  for (const char* name : {"set", "rigl"}) {
    CAPTURE(name);
    Parameters parameters;
    const nn::Parameter& conv = parameters.add("conv.weight", {16, 16, 3, 3});
    const nn::Parameter& fc = parameters.add("fc.weight", {10, 64});
    Pruner pruner(sparse_from_the_start(name), parameters.list(), 1000);
    optim::Sgd sgd(parameters.all(), {{.lr = 0.1}, 0.9});
    sgd.add_hook(&pruner);
    std::int64_t grown = 0;
    int changes = 0;
    pruner.on_event([&](const PruneEvent& event) { grown += event.grown_weights; });
    pruner.start();
    sgd.enforce_masks();
    const std::int64_t conv_weights = conv.nonzeros(), fc_weights = fc.nonzeros();
    for (std::int64_t step = 0; step < 1000; ++step) {
      const std::vector<std::uint8_t> before = mask_of(conv);
      parameters.draw_gradients(step);
      sgd.step();
      CHECK_NOTHROW(sgd.check_masks());
      REQUIRE(conv.nonzeros() == conv_weights);
      REQUIRE(fc.nonzeros() == fc_weights);
      const bool due = (step + 1) % 100 == 0 && step + 1 < 750;
      if (!due) CHECK(mask_of(conv) == before);
      changes += mask_of(conv) != before;
    }
    CHECK(changes >= 6);  // of 7 times: at the last, less than one weight moves
    CHECK(grown > 0);
  }
}

TEST_CASE("rigl drops the smallest weights, and grows where the gradient is largest outside of the rest") {
  Parameters parameters;
  nn::Parameter& fc = parameters.add("fc.weight", {20, 20});
  Pruner pruner(sparse_from_the_start("rigl"), parameters.list(), 1000);
  pruner.start();
  fc.mask.apply_(fc.value);
  const std::vector<std::uint8_t> before = mask_of(fc);
  parameters.draw_gradients(1);
  const Tensor gradient = fc.grad();
  pruner.before_step({99, 0.1}, parameters.list());
  REQUIRE(pruner.after_step({99, 0.1}, parameters.list()));

  const double share = 0.15 * (1.0 + std::cos(std::numbers::pi * 100.0 / 750.0));
  const std::int64_t living = std::count(before.begin(), before.end(), 1);
  const auto moved = static_cast<std::ptrdiff_t>(share * static_cast<double>(living));
  REQUIRE(moved > 10);
  std::vector<std::size_t> order(before.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto larger = [](const Tensor& values) {
    return [data = values.data()](std::size_t a, std::size_t b) {
      return std::abs(data[a]) > std::abs(data[b]);
    };
  };
  std::sort(order.begin(), order.end(), larger(fc.value));  // what is pruned is 0, and last
  const auto outside = order.begin() + (living - moved);
  std::sort(outside, order.end(), larger(gradient));
  std::vector<std::uint8_t> expected(before.size(), 0);
  std::for_each(order.begin(), outside + moved, [&](std::size_t i) { expected[i] = 1; });
  CHECK(mask_of(fc) == expected);
}

TEST_CASE("what is dropped and grows at once keeps weight and moment, what is new has none") {
  Parameters parameters;
  nn::Parameter& fc = parameters.add("fc.weight", {1, 6});
  std::copy_n(std::vector<float>{4, 0.25f, 0.5f, 3, 0, 0}.begin(), 6, fc.value.data());
  fc.mask = Mask::ones(fc.value.shape());
  fc.mask.data()[4] = fc.mask.data()[5] = 0;
  struct Exchange : optim::StepHook {
    bool after_step(const optim::StepInfo&, std::span<nn::Parameter* const> targets) override {
      const Tensor growth = Tensor::from({0, 9, 1, 0, 5, 2}, {1, 6});
      grown = exchange_units(*targets[0], *granularity_registry().make("element"), growth, 0.5);
      return true;
    }
    std::int64_t grown = 0;
  } exchange;
  optim::Sgd sgd(parameters.all(), {{.lr = 0.25}, 0.9});
  sgd.add_hook(&exchange);
  fc.value.set_grad(Tensor::from({0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f}, {1, 6}));
  sgd.step();
  // The second and the third go; of the four that are outside then, the second and the fifth score highest.
  CHECK(mask_of(fc) == std::vector<std::uint8_t>{1, 1, 0, 1, 1, 0});
  CHECK(exchange.grown == 1);
  CHECK(fc.value.to_vector() == std::vector<float>{3.875f, 0.125f, 0, 2.875f, 0, 0});
  CHECK(sgd.state()[0].second.to_vector() == std::vector<float>{0.5f, 0.5f, 0, 0.5f, 0, 0});
}

TEST_CASE("the share that moves falls along half a cosine, to nothing at the end") {
  const auto regrow = regrow_registry().make("set");
  CHECK(regrow->share(0, 1000) == doctest::Approx(0.3));
  CHECK(regrow->share(375, 1000) == doctest::Approx(0.15));
  CHECK(regrow->share(750, 1000) == doctest::Approx(0.0));
  CHECK_FALSE(regrow->due(0, 1000));
  CHECK(regrow->due(100, 1000));
  CHECK_FALSE(regrow->due(800, 1000));
}
