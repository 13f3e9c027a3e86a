#include "pruning/policies/regrow.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "framework/optim/sgd.h"
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

TEST_CASE("rigl drops the smallest weights and grows where the gradient is largest, from zero") {
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
  const std::vector<std::uint8_t> after = mask_of(fc);
  float weakest_kept = 1e9f, strongest_dropped = 0.0f, least_grown = 1e9f, largest_left = 0.0f;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const float w = std::abs(fc.value.data()[i]), g = std::abs(gradient.data()[i]);
    if (before[i] == 1 && after[i] == 1) weakest_kept = std::min(weakest_kept, w);
    if (before[i] == 1 && after[i] == 0) strongest_dropped = std::max(strongest_dropped, w);
    if (before[i] == 0 && after[i] == 1) least_grown = std::min(least_grown, g);
    if (before[i] == 0 && after[i] == 0) largest_left = std::max(largest_left, g);
    if (before[i] == 0 && after[i] == 1) CHECK(w == 0.0f);
  }
  CHECK(strongest_dropped > 0.0f);
  CHECK(strongest_dropped <= weakest_kept);
  CHECK(least_grown < 1e9f);
  CHECK(least_grown >= largest_left);
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
