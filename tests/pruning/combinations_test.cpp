// The mask contract under random combinations of all parts.
#include "pruning/combinations.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

#include "framework/core/error.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/summary.h"
#include "framework/ops/cross_entropy.h"
#include "framework/optim/registry.h"
#include "models/registry.h"
#include "pruning/pruner.h"
#include "tests/pruning/parameters.h"
#include "tests/support/gradient_check.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;
using espalier::testing::Parameters;

TEST_CASE(
    "any combination keeps the mask contract in every step, reaches its sparsity, and names what it "
    "refuses") {
  std::mt19937 engine(11);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(engine);
  };
  const auto any_of = [&](const std::vector<std::string>& names) { return names[below(names.size())]; };
  // Those of structures want a transformer: dependencies/transformer_test.cpp.
  std::vector<std::string> granularities = granularity_registry().names();
  std::erase_if(granularities, [](const std::string& name) {
    return granularity_registry().make(name)->structure().has_value();
  });
  constexpr std::int64_t kSteps = 12;
  int done = 0, refused = 0;
  for (int trial = 0; trial < 250; ++trial) {
    const std::string criterion = any_of(criterion_registry().names()), granularity = any_of(granularities),
                      scope = any_of(scope_registry().names()),
                      schedule = any_of(schedule_registry().names()),
                      regrow = any_of(regrow_registry().names()),
                      optimizer_kind = any_of(optim::optimizer_registry().names());
    const double sparsity = 0.1 * static_cast<double>(1 + below(9));
    CAPTURE(trial);
    INFO(criterion << " " << granularity << " " << scope << " " << schedule << " " << regrow << " "
                   << optimizer_kind << " " << sparsity);
    const auto spec = models::model_registry().make("resnet20");
    testing::SetFields narrow;
    narrow.numbers["width"] = 4;
    spec->fields(narrow);
    const auto model = spec->build({3, 8, 8}, 10, static_cast<std::uint64_t>(trial));
    const Tensor images = testing::random_tensor({4, 3, 8, 8}, Layout::lanes, 3);
    Tensor labels = Tensor::zeros({4}, Layout::plain, DType::i32);
    const auto loss = [&](std::int64_t, float = 1.0f) {
      return ops::cross_entropy((*model)(images), labels);
    };
    const ScoringData data{*model, Shape({3, 8, 8}), loss};

    PrunerSettings settings;
    settings.sparsity = sparsity;
    settings.exclude = {"conv1.weight"};  // three channels fill no block and no group
    const std::string target = any_of({"weights", "weights", "parameters", "macs"});
    settings.target = target;
    settings.rounds = 1 + static_cast<std::int64_t>(below(3));
    settings.criterion = criterion_registry().make(criterion);
    const bool whole = settings.criterion->scores_filters() && below(2) == 0;
    settings.granularity_kind = whole ? "filter" : granularity;
    settings.granularity = granularity_registry().make(settings.granularity_kind);
    settings.dependencies = settings.granularity_kind == "filter" && target == "weights" &&
                            schedule != std::string("cyclic") && trial % 2 == 0;
    // No norm follows it; among dependencies it is the model's output, and stays.
    if (criterion == "bn_scale" && !settings.dependencies) settings.exclude.push_back("fc.weight");
    settings.scope = scope_registry().make(scope);
    settings.schedule = schedule_registry().make(schedule);
    settings.regrow = regrow_registry().make(settings.regrow_kind = regrow);
    testing::SetFields often;
    often.numbers["every"] = 3;
    often.numbers["batches"] = 1;
    settings.criterion->fields(often);
    settings.schedule->fields(often);
    settings.regrow->fields(often);
    const auto optimizer = optim::optimizer_registry().make(optimizer_kind)->build(model->parameters());
    try {
      Pruner pruner(std::move(settings), model->parameters(), kSteps);
      pruner.set_data(&data);
      bool floored = false;
      pruner.on_event([&](const PruneEvent& event) { floored = !event.floored_layers.empty(); });
      optimizer->add_hook(&pruner);
      pruner.start();
      optimizer->enforce_masks();
      for (std::int64_t step = 0; step < kSteps; ++step) {
        loss(step).backward();
        optimizer->step();
        optimizer->zero_grad();
        REQUIRE_NOTHROW(optimizer->check_masks());
      }
      const nn::LayerSummary total = nn::summary(*model, {3, 8, 8}).total;
      const double density =
          target == "weights" ? pruner.density()
          : target == "macs"  ? static_cast<double>(total.effective_macs) / static_cast<double>(total.macs)
                              : static_cast<double>(total.nonzeros) / static_cast<double>(total.parameters);
      // A unit more would be too many; the largest unit of a layer is a filter or channel of it. A threshold
      // may let more live.
      if (!floored) CHECK(1.0 - density - sparsity < 0.01);
      if (!floored && criterion != "soft_movement") CHECK(sparsity - (1.0 - density) < 0.13);
      ++done;
    } catch (const Error& error) {
      CHECK(error.exit_code() == 2);
      ++refused;
    }
  }
  CHECK(done > 90);
  CHECK(refused > 0);
}

TEST_CASE("every combination that makes no sense is refused with its reason") {
  struct Choice {
    std::string criterion = "magnitude", granularity = "element", schedule = "one_shot", regrow = "none",
                control = "none", scope = "global", normalise = "none", norm = "l2";
    bool dependencies = false;
    const char* target = "weights";
    double floor = 0.0;
  };
  const struct {
    Choice choice;
    const char* says;  // empty: it makes sense
  } table[] = {
      {{.criterion = "fpgm"}, "all weights of a filter have one score"},
      {{.criterion = "fpgm", .granularity = "kernel"}, "use granularity \"filter\""},
      {{.criterion = "fpgm", .granularity = "filter"}, ""},
      {{.criterion = "movement"}, "it has seen no gradient yet"},
      {{.criterion = "taylor", .schedule = "cubic"}, ""},
      {{.granularity = "n_of_m", .regrow = "rigl"}, "what grows would break up the groups"},
      {{.granularity = "n_of_m"}, ""},
      {{.granularity = "n_of_m", .schedule = "cubic", .regrow = "feedback"}, ""},
      {{.criterion = "taylor", .schedule = "cubic", .regrow = "feedback"}, "judge pruned weights"},
      {{.criterion = "snip", .regrow = "feedback"}, "use criterion \"magnitude\""},
      {{.granularity = "kernel", .regrow = "set"}, ""},
      {{.schedule = "cubic", .control = "shuffle"}, "use schedule \"one_shot\" at 0"},
      {{.schedule = "linear", .control = "reinitialise"}, "found at once, before training"},
      {{.control = "reinitialise"}, ""},
      {{.granularity = "filter", .control = "shuffle"}, "the permutation would break the units up"},
      {{.granularity = "n_of_m", .control = "shuffle"}, "the permutation would break the units up"},
      {{.granularity = "filter", .control = "reinitialise"}, ""},
      {{.criterion = "mask_gradient"}, "it scores what several layers hold parts of"},
      {{.criterion = "mask_gradient", .granularity = "head"}, ""},
      {{.granularity = "branch", .scope = "per_layer"}, "a branch stays or goes"},
      {{.granularity = "layer", .scope = "erk"}, "or \"table\" to name those that go"},
      {{.granularity = "layer", .scope = "table"}, ""},
      {{.granularity = "branch", .floor = 0.1}, "a part of a branch would be kept"},
      {{.granularity = "filter", .floor = 0.1}, ""},
      {{.granularity = "kernel", .dependencies = true}, "they follow whole filters"},
      {{.granularity = "filter", .dependencies = true}, ""},
      {{.granularity = "filter", .regrow = "rigl", .dependencies = true}, "it moves single layers' units"},
      {{.granularity = "head", .regrow = "set"}, "it moves single layers' units"},
      {{.granularity = "filter", .schedule = "cyclic", .dependencies = true}, "weights would come back"},
      {{.granularity = "filter", .schedule = "cyclic"}, ""},
      {{.granularity = "filter", .scope = "table", .dependencies = true, .target = "macs"},
       "the target finds that out"},
      {{.granularity = "filter", .scope = "table", .target = "macs"}, ""},
      {{.criterion = "mask_gradient", .granularity = "branch", .normalise = "layer"},
       "every score would be 1"},
      {{.criterion = "mask_gradient", .granularity = "neuron", .normalise = "layer"}, ""},
      {{.criterion = "movement", .granularity = "head", .schedule = "cubic"}, "squares lose the sign"},
      {{.criterion = "movement", .granularity = "head", .schedule = "cubic", .norm = "l1"}, ""},
  };
  std::vector<bool> refused(senseless_combinations().size(), false);
  for (const auto& row : table) {
    PrunerSettings settings;
    settings.sparsity = 0.5;
    settings.criterion = criterion_registry().make(settings.criterion_kind = row.choice.criterion);
    settings.granularity = granularity_registry().make(settings.granularity_kind = row.choice.granularity);
    settings.schedule = schedule_registry().make(settings.schedule_kind = row.choice.schedule);
    settings.regrow = regrow_registry().make(settings.regrow_kind = row.choice.regrow);
    settings.control = row.choice.control;
    settings.dependencies = row.choice.dependencies;
    settings.target = row.choice.target;
    settings.min_layer_density = row.choice.floor;
    settings.scope = scope_registry().make(settings.scope_kind = row.choice.scope);
    testing::SetFields texts;
    texts.texts = {{"normalise", row.choice.normalise}, {"norm", row.choice.norm}};
    settings.criterion->fields(texts);
    settings.granularity->fields(texts);
    INFO(row.choice.criterion << " " << row.choice.granularity << " " << row.choice.schedule << " "
                              << row.choice.regrow << " " << row.choice.control << " " << row.choice.scope);
    const Shape shape({8, 8, 3, 3});
    for (std::size_t c = 0; c < refused.size(); ++c)
      refused[c] = refused[c] || senseless_combinations()[c].found(settings, shape, 1000);
    try {
      refuse_senseless(settings, shape, 1000);
      CHECK(std::string(row.says).empty());
    } catch (const Error& error) {
      CHECK(error.exit_code() == 2);
      REQUIRE_FALSE(std::string(row.says).empty());
      CHECK(std::string(error.what()).find(row.says) != std::string::npos);
    }
  }
  CHECK(std::count(refused.begin(), refused.end(), false) == 0);
}

TEST_CASE("two pruners of the same weights are refused when one gives back what the other took") {
  const auto model = std::make_shared<nn::Linear>(8, 8);
  const auto pruner = [&](const char* regrow, const char* schedule) {
    PrunerSettings settings;
    settings.sparsity = 0.5;
    settings.schedule = schedule_registry().make(settings.schedule_kind = schedule);
    settings.regrow = regrow_registry().make(settings.regrow_kind = regrow);
    return std::make_unique<Pruner>(std::move(settings), model->parameters(), 100);
  };
  CHECK_NOTHROW(refuse_rivals(*pruner("none", "cubic"), *pruner("none", "one_shot")));
  const auto refused = [&](const Pruner& a, const Pruner& b, const std::string& key) {
    CHECK_THROWS_WITH_AS(refuse_rivals(a, b), doctest::Contains(key.c_str()), Error);
  };
  refused(*pruner("set", "one_shot"), *pruner("none", "cubic"),
          "two pruners of weight, one of them with regrow 'set'");
  refused(*pruner("none", "cubic"), *pruner("feedback", "cubic"), "regrow 'feedback'");
  refused(*pruner("none", "cubic"), *pruner("none", "cyclic"), "schedule 'cyclic'");
}

TEST_CASE(
    "a pruner that follows dependencies takes of other layers' weights, which another may not give back") {
  const auto model = models::model_registry().make("resnet20")->build({3, 32, 32}, 10, 1);
  const ScoringData data{*model, Shape({3, 32, 32}), {}};
  const auto pruner = [&](const char* granularity, const char* regrow, const char* include) {
    PrunerSettings settings;
    settings.sparsity = 0.5;
    settings.include = {include};
    settings.granularity = granularity_registry().make(settings.granularity_kind = granularity);
    settings.dependencies = settings.granularity->whole_filters();
    settings.regrow = regrow_registry().make(settings.regrow_kind = regrow);
    auto made = std::make_unique<Pruner>(std::move(settings), model->parameters(), 100);
    made->set_data(&data);
    return made;
  };
  const auto filters = pruner("filter", "none", "layer1.0.conv1.weight");
  CHECK_THROWS_WITH_AS(refuse_rivals(*filters, *pruner("element", "set", "layer1.0.conv2.weight")),
                       doctest::Contains("two pruners of layer1.0.conv2.weight"), Error);
  CHECK_NOTHROW(refuse_rivals(*filters, *pruner("element", "set", "layer1.1.conv2.weight")));
}

TEST_CASE("a granularity that suits one layer and not another is refused by the other") {
  Parameters parameters;
  parameters.add("point.weight", {4, 4, 1, 1});
  parameters.add("conv.weight", {4, 4, 3, 3});
  PrunerSettings settings;
  settings.sparsity = 0.5;
  settings.criterion = criterion_registry().make(settings.criterion_kind = "movement");
  settings.granularity = granularity_registry().make(settings.granularity_kind = "kernel");
  settings.schedule = schedule_registry().make(settings.schedule_kind = "cubic");
  CHECK_THROWS_WITH_AS(Pruner(std::move(settings), parameters.list(), 100),
                       doctest::Contains("squares lose the sign"), Error);
}
