#include "pruning/granularity/granularity.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "framework/core/error.h"
#include "pruning/pruner.h"
#include "tests/pruning/parameters.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;
using espalier::testing::Parameters;

TEST_CASE("every granularity divides a weight into units that die and come back whole") {
  for (const std::string& name : granularity_registry().names()) {
    for (const Shape& shape : {Shape({8, 4, 3, 3}), Shape({12, 16}), Shape({4, 8, 1, 1})}) {
      CAPTURE(name);
      CAPTURE(shape.str());
      const auto granularity = granularity_registry().make(name);
      REQUIRE(granularity->applies_to(shape));
      const std::int64_t units = granularity->unit_count(shape);
      const std::int64_t weights = granularity->unit(shape).weights();
      CHECK(units * weights == shape.numel());
      for (std::int64_t u = 0; u < units; u += 3) {
        Mask mask = Mask::ones(shape);
        std::vector<std::uint8_t> keep(static_cast<std::size_t>(units), 1), alive = keep,
                                                                            grow(keep.size(), 0);
        keep[static_cast<std::size_t>(u)] = 0;
        granularity->clear_units(keep, mask);
        CHECK(mask.kept(shape.numel()) == shape.numel() - weights);
        granularity->units_alive(mask, alive);
        CHECK(alive == keep);
        grow[static_cast<std::size_t>(u)] = 1;
        granularity->set_units(grow, mask);
        CHECK(mask.kept(shape.numel()) == shape.numel());
      }
    }
  }
}

TEST_CASE("units are what their names say") {
  const Shape shape({8, 4, 3, 3});
  const auto unit = [&](const char* name) { return granularity_registry().make(name)->unit(shape); };
  CHECK(unit("element").weights() == 1);
  CHECK(unit("filter").weights() == 4 * 9);
  CHECK(unit("input_channel").weights() == 8 * 9);
  CHECK(unit("kernel").weights() == 9);
  CHECK(unit("block").weights() == 16);
  CHECK_FALSE(granularity_registry().make("block")->applies_to({8, 3, 3, 3}));
  CHECK_FALSE(granularity_registry().make("filter")->applies_to({8}));
}

TEST_CASE("a unit's score is the root mean square of its weights' scores, or their mean") {
  const Tensor weight_scores = Tensor::from({3, 4, 0, 0, 1, 1, 1, 1}, {2, 4});
  const auto filter = granularity_registry().make("filter");
  CHECK(filter->unit_scores(weight_scores, {}).to_vector() == std::vector<float>{2.5f, 1.0f});
  testing::SetFields fields;
  fields.texts["norm"] = "l1";
  filter->fields(fields);
  CHECK(filter->unit_scores(weight_scores, {}).to_vector() == std::vector<float>{1.75f, 1.0f});
}

TEST_CASE("N:M leaves exactly N weights in each group, however gradually it gets there") {
  for (const char* schedule : {"one_shot", "cubic"}) {
    for (const std::pair<int, int>& pattern : {std::pair{2, 4}, {1, 4}, {1, 2}, {3, 8}}) {
      const int n = pattern.first, m = pattern.second;
      CAPTURE(schedule);
      CAPTURE(n);
      CAPTURE(m);
      Parameters parameters;
      const nn::Parameter& conv = parameters.add("conv.weight", {5, 16, 3, 3});
      const nn::Parameter& fc = parameters.add("fc.weight", {10, 24}, 0.1f);
      PrunerSettings settings;
      settings.sparsity = 1.0 - static_cast<double>(n) / m;
      settings.granularity = granularity_registry().make("n_of_m");
      testing::SetFields fields;
      fields.numbers["n"] = n;
      fields.numbers["m"] = m;
      settings.granularity->fields(fields);
      settings.schedule = schedule_registry().make(schedule);
      Pruner pruner(std::move(settings), parameters.list(), 400);
      pruner.start();
      for (std::int64_t step = 0; step < 400; ++step) pruner.after_step({step, 0.1}, parameters.list());
      for (const nn::Parameter* p : {&conv, &fc}) {
        const UnitBox whole = whole_weight(p->value.shape());
        for (std::int64_t oc = 0; oc < whole.oc; ++oc) {
          for (std::int64_t group = 0; group < whole.ic; group += m) {
            for (std::int64_t tap = 0; tap < whole.taps; ++tap) {
              int kept = 0;
              for (std::int64_t i = group; i < group + m; ++i)
                kept += p->mask.data()[(oc * whole.ic + i) * whole.taps + tap];
              REQUIRE(kept == n);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("N:M keeps the largest of each group") {
  Parameters parameters;
  nn::Parameter& fc = parameters.add("fc.weight", {1, 8});
  const std::vector<float> values = {1, -4, 2, 3, -0.1f, 0.2f, 0.3f, 0.0f};
  std::copy(values.begin(), values.end(), fc.value.data());
  PrunerSettings settings;
  settings.sparsity = 0.5;
  settings.granularity = granularity_registry().make("n_of_m");
  Pruner(std::move(settings), parameters.list(), 1).start();
  CHECK(std::vector<std::uint8_t>(fc.mask.data(), fc.mask.data() + 8) ==
        std::vector<std::uint8_t>{0, 1, 0, 1, 0, 1, 1, 0});
}

TEST_CASE("N:M refuses to keep a whole group, or more than there is") {
  for (const int m : {4, 2}) {
    Parameters parameters;
    parameters.add("conv.weight", {8, 8, 3, 3});
    PrunerSettings settings;
    settings.sparsity = 0.5;
    settings.granularity = granularity_registry().make(settings.granularity_kind = "n_of_m");
    testing::SetFields fields;
    fields.numbers = {{"n", 4}, {"m", m}};
    settings.granularity->fields(fields);
    CHECK_THROWS_WITH_AS(Pruner(std::move(settings), parameters.list(), 1),
                         doctest::Contains(fmt::format("keeps n of m weights, got 4 of {}", m).c_str()),
                         Error);
  }
}

TEST_CASE("N:M refuses more than its pattern allows, and channels that fill no group") {
  Parameters parameters;
  parameters.add("stem.weight", {8, 3, 3, 3});
  parameters.add("conv.weight", {8, 8, 3, 3});
  PrunerSettings settings;
  settings.sparsity = 0.5;
  settings.granularity = granularity_registry().make("n_of_m");
  settings.granularity_kind = "n_of_m";
  CHECK_THROWS_WITH_AS(Pruner(std::move(settings), parameters.list(), 1), doctest::Contains("stem.weight"),
                       Error);
  PrunerSettings more;
  more.sparsity = 0.6;
  more.exclude = {"stem.*"};
  more.granularity = granularity_registry().make("n_of_m");
  CHECK_THROWS_WITH_AS(Pruner(std::move(more), parameters.list(), 1), doctest::Contains("let go 0.5 at most"),
                       Error);
}
