#include "pruning/pruner.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/summary.h"
#include "framework/ops/global_avg_pool.h"
#include "framework/optim/sgd.h"
#include "models/registry.h"
#include "pruning/granularity/filter.h"
#include "pruning/scopes/per_layer.h"
#include "pruning/scopes/table.h"
#include "tests/pruning/parameters.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;
using espalier::testing::Parameters;

namespace {

PrunerSettings with_sparsity(double sparsity) {
  PrunerSettings settings;
  settings.sparsity = sparsity;
  return settings;
}

}  // namespace

TEST_CASE("global magnitude keeps the largest weights of all layers") {
  Parameters parameters;
  const nn::Parameter& small = parameters.add("conv1.weight", {8, 4, 3, 3}, 0.5f);
  const nn::Parameter& large = parameters.add("conv2.weight", {8, 8, 3, 3}, 1.0f);
  Pruner pruner(with_sparsity(0.5), parameters.list(), 10);
  pruner.start();
  CHECK(pruner.density() == doctest::Approx(0.5));
  CHECK(small.nonzeros() < small.value.numel() / 3);
  float largest_pruned = 0.0f, smallest_kept = 1e9f;
  for (const nn::Parameter* p : {&small, &large}) {
    for (std::int64_t i = 0; i < p->value.numel(); ++i) {
      const float magnitude = std::abs(p->value.data()[i]);
      if (p->mask.data()[i] == 0)
        largest_pruned = std::max(largest_pruned, magnitude);
      else
        smallest_kept = std::min(smallest_kept, magnitude);
    }
  }
  CHECK(largest_pruned <= smallest_kept);
}

TEST_CASE("per-layer scope prunes every layer alike") {
  Parameters parameters;
  const nn::Parameter& a = parameters.add("a.weight", {10, 10}, 0.1f);
  const nn::Parameter& b = parameters.add("b.weight", {20, 10}, 1.0f);
  PrunerSettings settings = with_sparsity(0.3);
  settings.scope = std::make_unique<PerLayer>();
  Pruner(std::move(settings), parameters.list(), 1).start();
  CHECK(a.nonzeros() == 70);
  CHECK(b.nonzeros() == 140);
}

TEST_CASE("filter granularity masks whole output channels") {
  Parameters parameters;
  const nn::Parameter& conv = parameters.add("conv.weight", {6, 4, 3, 3});
  PrunerSettings settings = with_sparsity(0.5);
  settings.granularity = std::make_unique<Filter>();
  Pruner(std::move(settings), parameters.list(), 1).start();
  int filters = 0;
  for (int f = 0; f < 6; ++f) {
    int kept = 0;
    for (int i = 0; i < 36; ++i) kept += conv.mask.data()[f * 36 + i];
    CHECK((kept == 0 || kept == 36));
    filters += kept == 36;
  }
  CHECK(filters == 3);
}

TEST_CASE("biases, norms and excluded layers stay dense") {
  Parameters parameters;
  const nn::Parameter& conv = parameters.add("conv1.weight", {4, 4, 3, 3});
  const nn::Parameter& head = parameters.add("fc.weight", {10, 4});
  const nn::Parameter& norm = parameters.add("bn.weight", {4}, 1.0f, nn::ParameterKind::norm);
  PrunerSettings settings = with_sparsity(0.9);
  settings.exclude = {"fc.*"};
  Pruner(std::move(settings), parameters.list(), 1).start();
  CHECK_FALSE(conv.mask.dense());
  CHECK(head.mask.dense());
  CHECK(norm.mask.dense());
}

TEST_CASE("masks only shrink, and follow the schedule") {
  Parameters parameters;
  nn::Parameter& p = parameters.add("conv.weight", {16, 16, 3, 3});
  PrunerSettings settings = with_sparsity(0.9);
  settings.schedule = schedule_registry().make("cubic");
  Pruner pruner(std::move(settings), parameters.list(), 1000);
  std::vector<double> sparsities;
  pruner.on_event([&](const PruneEvent& e) { sparsities.push_back(e.sparsity); });
  pruner.start();
  Random random(3, "updates");
  std::vector<std::uint8_t> before(static_cast<std::size_t>(p.value.numel()), 1);
  for (std::int64_t step = 0; step < 1000; ++step) {
    // A pruned weight that an update would move does not come back.
    for (std::int64_t i = 0; i < p.value.numel(); i += 7) p.value.data()[i] += random.normal();
    pruner.after_step({step, 0.1}, parameters.list());
    bool revived = false;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const std::uint8_t now = p.mask.data()[i];
      revived |= now > before[i];
      before[i] = now;
    }
    REQUIRE_FALSE(revived);
  }
  CHECK(std::is_sorted(sparsities.begin(), sparsities.end()));
  CHECK(sparsities.back() == doctest::Approx(0.9).epsilon(0.001));
}

TEST_CASE("a layer that would collapse keeps its best unit and is reported, or is refused") {
  Parameters parameters;
  const nn::Parameter& tiny = parameters.add("tiny.weight", {4, 4}, 1e-3f);
  parameters.add("big.weight", {32, 32}, 1.0f);
  SUBCASE("floor") {
    Pruner pruner(with_sparsity(0.5), parameters.list(), 1);
    std::vector<std::string> floored;
    pruner.on_event([&](const PruneEvent& e) { floored = e.floored_layers; });
    pruner.start();
    CHECK(tiny.nonzeros() == 1);
    CHECK(floored == std::vector<std::string>{"tiny.weight"});
    CHECK(pruner.density() == doctest::Approx(0.5));
  }
  SUBCASE("refuse") {
    PrunerSettings settings = with_sparsity(0.5);
    settings.on_collapse = "refuse";
    Pruner pruner(std::move(settings), parameters.list(), 1);
    CHECK_THROWS_WITH_AS(pruner.start(), doctest::Contains("tiny.weight"), Error);
    CHECK((tiny.mask.dense() || tiny.nonzeros() == tiny.value.numel()));
  }
}

TEST_CASE("a table that names sparsities prunes by itself; without one, sparsity 0 prunes nothing") {
  Parameters parameters;
  const nn::Parameter& named = parameters.add("named.weight", {10, 10});
  const nn::Parameter& other = parameters.add("other.weight", {10, 10});
  Pruner idle(with_sparsity(0.0), parameters.list(), 100);
  idle.on_event([](const PruneEvent&) { FAIL("nothing is to be pruned"); });
  idle.start();
  CHECK(named.mask.dense());

  PrunerSettings settings;
  settings.scope = std::make_unique<Table>(std::vector<Table::Row>{{"named.*", 0.4}});
  settings.schedule = schedule_registry().make(settings.schedule_kind = "cubic");
  Pruner pruner(std::move(settings), parameters.list(), 100);
  pruner.start();
  for (std::int64_t step = 0; step < 100; ++step) pruner.after_step({step, 0.1}, parameters.list());
  CHECK(named.nonzeros() == 60);
  CHECK(other.nonzeros() == 100);
}

TEST_CASE("a criterion without scores yet may not prune at the start, whoever names the sparsity") {
  Parameters parameters;
  parameters.add("named.weight", {10, 10});
  PrunerSettings settings;
  settings.criterion = criterion_registry().make(settings.criterion_kind = "movement");
  settings.scope = std::make_unique<Table>(std::vector<Table::Row>{{"named.*", 0.4}});
  CHECK_THROWS_WITH_AS(Pruner(std::move(settings), parameters.list(), 100),
                       doctest::Contains("it has seen no gradient yet"), Error);
}

TEST_CASE("a pattern that matches nothing is refused with the nearest name") {
  Parameters parameters;
  parameters.add("layer1.0.conv1.weight", {4, 4, 3, 3});
  PrunerSettings settings = with_sparsity(0.5);
  settings.include = {"layer1.0.conv.weight"};
  CHECK_THROWS_WITH_AS(Pruner(std::move(settings), parameters.list(), 1),
                       doctest::Contains("layer1.0.conv1.weight"), Error);
}

TEST_CASE("a cyclic schedule opens the masks again: what comes back starts from 0") {
  Parameters parameters;
  nn::Parameter& fc = parameters.add("fc.weight", {20, 20});
  PrunerSettings settings = with_sparsity(0.8);
  settings.schedule = schedule_registry().make("cyclic");
  testing::SetFields often;
  often.numbers["every"] = 5;
  settings.schedule->fields(often);
  Pruner pruner(std::move(settings), parameters.list(), 120);  // three cycles of 30
  optim::Sgd sgd(parameters.all(), {{.lr = 0.1}, 0.9});
  sgd.add_hook(&pruner);
  pruner.start();
  for (std::int64_t step = 0; step < 120; ++step) {
    parameters.draw_gradients(step);
    sgd.step();
    CHECK_NOTHROW(sgd.check_masks());
    if (step + 1 == 29 || step + 1 == 59 || step + 1 >= 90) CHECK(fc.nonzeros() == 80);
    if (step + 1 == 30 || step + 1 == 60) {
      CHECK(fc.nonzeros() == 400);
      const std::vector<float> values = fc.value.to_vector();
      CHECK(std::count(values.begin(), values.end(), 0.0f) == 320);
    }
  }
}

TEST_CASE("sparsity can be of all parameters, or of all multiply-adds; more than there is is refused") {
  const auto spec = models::model_registry().make("resnet20");
  const auto summary_for = [&](const char* target, const char* scope, std::vector<std::string> include) {
    const auto model = spec->build({3, 32, 32}, 10, 1);
    PrunerSettings settings = with_sparsity(0.6);
    settings.target = target;
    settings.scope = scope_registry().make(scope);
    settings.include = std::move(include);
    const ScoringData data{*model, Shape({3, 32, 32}), {}};
    Pruner pruner(std::move(settings), model->parameters(), 1);
    pruner.set_data(&data);
    pruner.start();
    return nn::summary(*model, {3, 32, 32}).total;
  };
  for (const char* scope : {"global", "per_layer", "erk"}) {
    CAPTURE(scope);
    const nn::LayerSummary p = summary_for("parameters", scope, {"*"}), m = summary_for("macs", scope, {"*"});
    CHECK(static_cast<double>(p.nonzeros) / static_cast<double>(p.parameters) ==
          doctest::Approx(0.4).epsilon(1e-3));
    CHECK(static_cast<double>(m.effective_macs) / static_cast<double>(m.macs) ==
          doctest::Approx(0.4).epsilon(1e-3));
  }
  CHECK_THROWS_WITH_AS(summary_for("parameters", "global", {"layer1.*"}),
                       doctest::Contains("sparsity asks for 0.6 of the parameters"), Error);
  CHECK_THROWS_WITH_AS(summary_for("macs", "global", {"fc.*"}), doctest::Contains("of the macs"), Error);
}

TEST_CASE("a layer that the network never uses has no multiply-adds that could be counted") {
  struct Net : nn::Module {
    Tensor forward(const Tensor& x) override { return (*used)(ops::global_avg_pool(x)); }
    std::string type_name() const override { return "Net"; }
    std::shared_ptr<nn::Linear> used = register_module("used", std::make_shared<nn::Linear>(3, 2)),
                                idle = register_module("idle", std::make_shared<nn::Linear>(3, 2));
  };
  Net net;
  PrunerSettings settings = with_sparsity(0.5);
  settings.target = "macs";
  const ScoringData data{net, Shape({3, 8, 8}), {}};
  Pruner pruner(std::move(settings), net.parameters(), 1);
  CHECK_THROWS_WITH_AS(pruner.set_data(&data), doctest::Contains("idle.weight is used in no multiply-add"),
                       Error);
}

TEST_CASE("what the granularity or min_layer_density keeps in a layer is refused as its share, not overrun") {
  const auto prune = [](const char* scope, const char* granularity, double sparsity, double floor) {
    Parameters parameters;
    parameters.add("small.weight", {8, 8});
    parameters.add("large.weight", {64, 64});
    PrunerSettings settings = with_sparsity(sparsity);
    settings.scope = scope_registry().make(settings.scope_kind = scope);
    settings.granularity = granularity_registry().make(settings.granularity_kind = granularity);
    settings.min_layer_density = floor;
    Pruner pruner(std::move(settings), parameters.list(), 1);
    pruner.start();
    return pruner.density();
  };
  CHECK(prune("per_layer", "n_of_m", 0.5, 0.0) == 0.5);
  CHECK_THROWS_WITH_AS(prune("erk", "n_of_m", 0.5, 0.0),  // the larger layer would lose more than half
                       doctest::Contains("of large.weight, granularity 'n_of_m'"), Error);
  CHECK(prune("global", "element", 0.5, 0.5) == 0.5);
  // As much as the floor lets go, whatever 1 - floor rounds to.
  for (const double tenths : {1.0, 2.0, 3.0})
    CHECK_NOTHROW(prune("global", "element", tenths / 10.0, (10.0 - tenths) / 10.0));
  CHECK_THROWS_WITH_AS(prune("global", "element", 0.9, 0.5),
                       doctest::Contains("min_layer_density 0.5 let go 0.5 at most"), Error);
}

TEST_CASE("layers that keep what the pattern keeps have not been saved from anything") {
  Parameters parameters;
  parameters.add("fc.weight", {8, 8});
  PrunerSettings settings = with_sparsity(0.5);
  settings.granularity = granularity_registry().make(settings.granularity_kind = "n_of_m");
  settings.on_collapse = "refuse";
  Pruner pruner(std::move(settings), parameters.list(), 1);
  pruner.on_event([](const PruneEvent& event) { CHECK(event.floored_layers.empty()); });
  CHECK_NOTHROW(pruner.start());
  CHECK(pruner.density() == 0.5);
}
