#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "pruning/scopes/scope.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;

namespace {

const std::vector<LayerInfo> kLayers = {{"stem.weight", {16, 3, 3, 3}},
                                        {"conv1.weight", {64, 64, 3, 3}},
                                        {"conv2.weight", {128, 64, 3, 3}},
                                        {"fc.weight", {10, 128}}};

double pruned_share(const std::vector<Quota>& quotas) {
  double pruned = 0.0, all = 0.0;
  for (const Quota& quota : quotas) {
    for (const std::size_t layer : quota.layers) {
      const auto weights = static_cast<double>(kLayers[layer].shape.numel());
      pruned += quota.sparsity * weights;
      all += weights;
    }
  }
  return pruned / all;
}

}  // namespace

TEST_CASE("every scope has each layer once") {
  for (const std::string& name : scope_registry().names()) {
    CAPTURE(name);
    std::vector<int> seen(kLayers.size(), 0);
    for (const Quota& quota : scope_registry().make(name)->quotas(kLayers, 0.9)) {
      for (const std::size_t layer : quota.layers) ++seen[layer];
    }
    CHECK(seen == std::vector<int>{1, 1, 1, 1});
  }
}

TEST_CASE("ERK's densities sum up to the target, and small layers stay denser, up to all of their weights") {
  for (const double sparsity : {0.0, 0.3, 0.5, 0.8, 0.9, 0.95, 0.99, 1.0}) {
    CAPTURE(sparsity);
    const std::vector<Quota> quotas = scope_registry().make("erk")->quotas(kLayers, sparsity);
    CHECK(pruned_share(quotas) == doctest::Approx(sparsity));
    for (const Quota& quota : quotas) {
      CHECK(quota.sparsity >= 0.0);
      CHECK(quota.sparsity <= 1.0);
    }
    CHECK(quotas[0].sparsity <= quotas[1].sparsity);
    CHECK(quotas[1].sparsity <= quotas[2].sparsity);
  }
}

TEST_CASE("where no layer is dense, ERK's densities are as the sums of the layers' sizes") {
  const std::vector<Quota> quotas = scope_registry().make("erk")->quotas(kLayers, 0.99);
  const auto factor = [&](std::size_t l, double sizes) {
    return (1.0 - quotas[l].sparsity) * static_cast<double>(kLayers[l].shape.numel()) / sizes;
  };
  CHECK(factor(1, 64 + 64 + 3 + 3) == doctest::Approx(factor(2, 128 + 64 + 3 + 3)));
}

TEST_CASE("a table gives what its first matching row says, and the pruner's sparsity to the rest") {
  const auto row = [](const char* name, double sparsity) {
    testing::SetFields fields;
    fields.texts["name"] = name;
    fields.numbers["sparsity"] = sparsity;
    return fields;
  };
  testing::SetFields fields;
  fields.rows["layer"] = {row("conv1.*", 0.25), row("conv*", 0.5)};
  const auto table = scope_registry().make("table");
  table->fields(fields);
  const std::vector<Quota> quotas = table->quotas(kLayers, 0.9);
  CHECK(quotas[0].sparsity == 0.9);
  CHECK(quotas[1].sparsity == 0.25);
  CHECK(quotas[2].sparsity == 0.5);
  CHECK(quotas[3].sparsity == 0.9);
  CHECK(table->largest(0.9) == 0.9);
  CHECK(table->largest(0.0) == 0.5);
  CHECK(scope_registry().make("erk")->largest(0.0) == 0.0);

  fields.rows["layer"] = {row("conv3.*", 0.25)};
  const auto mistyped = scope_registry().make("table");
  mistyped->fields(fields);
  CHECK_THROWS_WITH_AS(mistyped->quotas(kLayers, 0.9), doctest::Contains("conv3.*"), Error);
}
