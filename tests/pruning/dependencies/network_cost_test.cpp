// What a network costs without structures, against the network that shrink() makes; and targets that count
// it.
#include "pruning/dependencies/network_cost.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "framework/core/error.h"
#include "framework/nn/summary.h"
#include "pruning/dependencies/shrink.h"
#include "pruning/pruner.h"
#include "tests/pruning/dependencies/random_network.h"
#include "tests/pruning/dependencies/random_transformer.h"

using namespace espalier;
using namespace espalier::pruning;
using testing::kTransformerImage;
using testing::random_transformer;
using testing::RandomNetwork;

namespace {

const Shape kImage = {3, 8, 8};  // of all models here

std::shared_ptr<nn::Module> narrow(const char* kind) {
  const auto spec = models::model_registry().make(kind);
  testing::SetFields fields;
  fields.numbers["width"] = 8;
  spec->fields(fields);
  return spec->build(kImage, 5, 1);
}

PrunerSettings settings_of(const std::string& granularity, const std::string& target,
                           const std::string& scope, double sparsity) {
  PrunerSettings settings;
  settings.sparsity = sparsity;
  settings.target = target;
  settings.dependencies = true;
  settings.granularity = granularity_registry().make(settings.granularity_kind = granularity);
  settings.scope = scope_registry().make(settings.scope_kind = scope);
  return settings;
}

void enforce(nn::Module& model) {
  for (nn::Parameter* p : model.parameters()) p->mask.apply_(p->value);
}

void prune(nn::Module& model, PrunerSettings settings) {
  const ScoringData data{model, kImage, {}};
  Pruner pruner(std::move(settings), model.parameters(), 1);
  pruner.set_data(&data);
  pruner.start();
  enforce(model);
}

std::int64_t cost_of(nn::Module& model, const std::string& target) {
  const nn::LayerSummary total = nn::summary(model, kImage).total;
  return target == "macs" ? total.macs : total.parameters;
}

// The most that one structure alone can save: of each layer, the first one is removed from a fresh model.
std::int64_t largest_structure(const std::function<std::shared_ptr<nn::Module>()>& make,
                               const std::string& granularity, const std::string& target) {
  std::int64_t largest = 0;
  for (std::size_t l = 0, layers = 1; l < layers; ++l) {
    const auto model = make();
    const std::int64_t whole = cost_of(*model, target);
    const ScoringData data{*model, kImage, {}};
    Pruner pruner(settings_of(granularity, "weights", "global", 0.5), model->parameters(), 1);
    pruner.set_data(&data);
    layers = pruner.layers().size();
    std::vector<std::uint8_t> keep(static_cast<std::size_t>(pruner.layers()[l]->units()), 1);
    keep[0] = 0;
    pruner.layers()[l]->keep(keep);
    enforce(*model);
    shrink(*model, kImage);
    largest = std::max(largest, whole - cost_of(*model, target));
  }
  return largest;
}

struct Subject {
  std::string name;
  std::function<std::shared_ptr<nn::Module>()> make;
  std::vector<std::string> granularities;
  double sparsity;  // that it can reach
};

std::vector<Subject> subjects() {
  std::vector<Subject> all = {{"resnet20", [] { return narrow("resnet20"); }, {"filter"}, 0.5},
                              {"resnet18", [] { return narrow("resnet18"); }, {"filter"}, 0.7}};
  for (unsigned seed = 0; seed < 5; ++seed)
    all.push_back(
        {"random network", [seed] { return std::make_shared<RandomNetwork>(seed); }, {"filter"}, 0.4});
  for (unsigned seed = 0; seed < 3; ++seed)
    all.push_back({"random transformer",
                   [seed] { return random_transformer(seed); },
                   {"neuron", "branch", "filter"},
                   0.3});
  return all;
}

}  // namespace

TEST_CASE("what is masked costs what the shrunk network costs, multiply-adds and parameters") {
  for (const Subject& subject : subjects()) {
    for (const std::string& granularity : subject.granularities) {
      CAPTURE(subject.name);
      CAPTURE(granularity);
      const auto model = subject.make();
      const nn::ModelSummary dense = nn::summary(*model, kImage);
      const Dependencies dependencies = find_dependencies(*model, kImage);
      const NetworkCost macs(dependencies, dense, NetworkCost::Of::macs),
          parameters(dependencies, dense, NetworkCost::Of::parameters);
      CHECK(macs.count({}) == dense.total.macs);
      CHECK(parameters.count({}) == dense.total.parameters);
      CHECK(macs.masked().channels.empty());
      prune(*model, settings_of(granularity, "weights", "global", 0.4));
      const std::int64_t macs_left = macs.count(macs.masked()), left = parameters.count(parameters.masked());
      shrink(*model, kImage);
      const nn::LayerSummary shrunk = nn::summary(*model, kImage).total;
      CHECK(macs_left == shrunk.macs);
      CHECK(left == shrunk.parameters);
    }
  }
}

TEST_CASE("a target of multiply-adds or parameters is met by the shrunk network within one structure") {
  for (const Subject& subject : subjects()) {
    for (const std::string& granularity : subject.granularities) {
      for (const std::string target : {"macs", "parameters"}) {
        const auto structure = static_cast<double>(largest_structure(subject.make, granularity, target));
        for (const std::string scope : {"global", "per_layer", "erk"}) {
          if (granularity == "branch" && scope != "global") continue;
          CAPTURE(subject.name);
          CAPTURE(granularity);
          CAPTURE(target);
          CAPTURE(scope);
          const auto model = subject.make();
          const auto whole = static_cast<double>(cost_of(*model, target));
          try {
            prune(*model, settings_of(granularity, target, scope, subject.sparsity));
          } catch (const Error& error) {  // what a random network has to keep may be most of it
            CHECK(std::string(error.what()).find("sparsity asks for") != std::string::npos);
            continue;
          }
          shrink(*model, kImage);
          const auto left = static_cast<double>(cost_of(*model, target));
          CHECK(left <= (1.0 - subject.sparsity) * whole);
          CHECK(left > (1.0 - subject.sparsity) * whole - structure);
        }
      }
    }
  }
}

TEST_CASE("a target is approached by the schedule, in rounds, and counts what other pruners have removed") {
  const auto model = narrow("resnet18");
  const auto whole = static_cast<double>(cost_of(*model, "macs"));
  const ScoringData data{*model, kImage, {}};
  PrunerSettings settings = settings_of("filter", "macs", "per_layer", 0.6);
  settings.schedule = schedule_registry().make(settings.schedule_kind = "linear");
  testing::SetFields often;
  often.numbers["every"] = 20;
  settings.schedule->fields(often);
  settings.rounds = 2;
  Pruner pruner(std::move(settings), model->parameters(), 100);
  pruner.set_data(&data);
  const auto cost_now = [&] {
    const NetworkCost cost(find_dependencies(*model, kImage), nn::summary(*model, kImage),
                           NetworkCost::Of::macs);
    return static_cast<double>(cost.count(cost.masked())) / whole;
  };
  std::vector<PruneEvent> events;
  pruner.on_event([&](const PruneEvent& event) {
    events.push_back(event);
    CHECK(cost_now() <= 1.0 - event.target_sparsity + 1e-9);
  });
  pruner.start();
  for (std::int64_t step = 0; step < 100; ++step) pruner.after_step({step, 0.1}, model->parameters());
  CHECK(events.size() > 2);
  enforce(*model);
  shrink(*model, kImage);
  CHECK(static_cast<double>(cost_of(*model, "macs")) <= 0.4 * whole);

  const auto transformer = random_transformer(3);
  const auto before = static_cast<double>(cost_of(*transformer, "macs"));
  prune(*transformer, settings_of("branch", "macs", "global", 0.2));
  prune(*transformer, settings_of("neuron", "macs", "global", 0.25));  // a part of it is gone already
  shrink(*transformer, kImage);
  const auto after = static_cast<double>(cost_of(*transformer, "macs"));
  CHECK(after <= 0.75 * before);
}

TEST_CASE("more than the structures cost is refused, and so is a table beside a target") {
  const auto refused = [](PrunerSettings settings, const char* says) {
    const auto model = narrow("resnet18");
    const ScoringData data{*model, kImage, {}};
    CHECK_THROWS_WITH_AS(
        [&] {
          Pruner pruner(std::move(settings), model->parameters(), 1);
          pruner.set_data(&data);
        }(),
        doctest::Contains(says), Error);
  };
  PrunerSettings few = settings_of("filter", "macs", "global", 0.9);
  few.include = {"layer1.*"};
  refused(std::move(few), "sparsity asks for 0.9 of the macs");
  refused(settings_of("filter", "macs", "table", 0.5), "leave out one");
}
