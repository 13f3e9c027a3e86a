#include "pruning/policies/rewind.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

#include "framework/core/error.h"
#include "framework/optim/sgd.h"
#include "models/registry.h"
#include "pruning/pruner.h"
#include "tests/pruning/parameters.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;

namespace {

struct Pruned {
  std::shared_ptr<nn::Module> model;
  NamedTensors initial;

  explicit Pruned(const char* control, std::int64_t rounds = 5) {
    const auto spec = models::model_registry().make("resnet20");
    testing::SetFields narrow;
    narrow.numbers["width"] = 4;
    spec->fields(narrow);
    model = spec->build({3, 8, 8}, 10, 1);
    for (const auto& [name, tensor] : model->state_dict()) initial.emplace_back(name, tensor.clone());
    PrunerSettings settings;
    settings.sparsity = 0.8;
    settings.rounds = rounds;
    settings.control = control;
    settings.criterion = criterion_registry().make("synflow");
    const ScoringData data{*model, Shape({3, 8, 8}), {}, /*seed=*/1};
    optim::Sgd sgd(model->parameters(), {{.lr = 0.1}, 0.9});
    Pruner pruner(std::move(settings), model->parameters(), 10);
    pruner.set_data(&data);
    pruner.start();
    sgd.enforce_masks();
    sgd.check_masks();
  }

  std::map<std::string, std::vector<std::uint8_t>> masks() const {
    std::map<std::string, std::vector<std::uint8_t>> masks;
    for (const nn::Parameter* p : model->parameters()) {
      if (!p->mask.dense()) masks[p->name].assign(p->mask.data(), p->mask.data() + p->value.numel());
    }
    return masks;
  }
};

std::map<std::string, std::int64_t> kept(const Pruned& pruned) {
  std::map<std::string, std::int64_t> kept;
  for (const auto& [name, mask] : pruned.masks()) kept[name] = std::count(mask.begin(), mask.end(), 1);
  return kept;
}

}  // namespace

TEST_CASE("shuffled, as many weights of each layer live, elsewhere, with the values they were born with") {
  const Pruned pruned("none"), shuffled("shuffle");
  CHECK(kept(pruned) == kept(shuffled));
  CHECK(pruned.masks() != shuffled.masks());
  for (const nn::Parameter* p : shuffled.model->parameters()) {
    if (p->mask.dense()) continue;
    const auto born = std::find_if(shuffled.initial.begin(), shuffled.initial.end(),
                                   [&](const auto& named) { return named.first == p->name; });
    REQUIRE(born != shuffled.initial.end());
    for (std::int64_t i = 0; i < p->value.numel(); ++i)
      CHECK(p->value.data()[i] == (p->mask.data()[i] != 0 ? born->second.data()[i] : 0.0f));
  }
}

TEST_CASE("reinitialised, the same weights live, with other values") {
  const Pruned pruned("none"), fresh("reinitialise");
  CHECK(pruned.masks() == fresh.masks());
  const std::vector<nn::Parameter*> a = pruned.model->parameters(), b = fresh.model->parameters();
  for (std::size_t p = 0; p < a.size(); ++p) {
    if (a[p]->mask.dense() || a[p]->nonzeros() == 0) continue;
    CHECK(a[p]->value.to_vector() != b[p]->value.to_vector());
    CHECK(b[p]->mask.holds(b[p]->value));
  }
}

TEST_CASE("a control says so when it has no network to draw for") {
  for (const std::string control : {"shuffle", "reinitialise"}) {
    testing::Parameters parameters;
    parameters.add("fc.weight", {3, 5});
    PrunerSettings settings;
    settings.sparsity = 0.5;
    settings.control = control;
    Pruner pruner(std::move(settings), parameters.list(), 1);
    CHECK_THROWS_WITH_AS(pruner.start(),
                         doctest::Contains(("'" + control + "' needs a network and a seed").c_str()), Error);
  }
}
