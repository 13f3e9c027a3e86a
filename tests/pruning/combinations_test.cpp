// The mask contract under random combinations of all parts.
#include "pruning/combinations.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "framework/core/error.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/summary.h"
#include "framework/ops/cross_entropy.h"
#include "framework/optim/registry.h"
#include "models/registry.h"
#include "pruning/pruner.h"
#include "pruning/scopes/table.h"
#include "tests/pruning/parameters.h"
#include "tests/pruning/random_settings.h"
#include "tests/support/gradient_check.h"
#include "tests/support/set_fields.h"

using namespace espalier;
using namespace espalier::pruning;
using testing::asked_of;
using testing::averages_are_masked;
using testing::describe;
using testing::Draw;
using testing::draw_floors;
using testing::is_refusal;
using testing::Parameters;

namespace {

constexpr std::int64_t kSteps = 12;

// Those of structures want a transformer: dependencies/transformer_test.cpp.
std::vector<std::string> granularities_of_weights() {
  std::vector<std::string> names = granularity_registry().names();
  std::erase_if(names, [](const std::string& name) {
    return granularity_registry().make(name)->structure().has_value();
  });
  return names;
}

// Which weights: a model has some that do not divide into groups, or have no norm behind them.
void draw_names(Draw& draw, PrunerSettings& s) {
  if (draw.one_in(3)) {
    s.include = draw.one_in(2) ? std::vector<std::string>{"layer2.*", "layer3.*"}
                               : std::vector<std::string>{draw.any_of({"layer1.*", "*.conv1.weight"})};
  }
  if (draw.one_in(3)) s.exclude.push_back(draw.any_of({"layer2.*", "layer1.0.*"}));
  const bool groups = s.granularity_kind == "n_of_m", blocks = s.granularity_kind == "block";
  if (groups || blocks) s.exclude.push_back("conv1.weight");  // of three channels
  // Among dependencies the classifier is the model's output, and stays.
  if (blocks || (s.criterion_kind == "bn_scale" && !s.dependencies)) s.exclude.push_back("fc.weight");
}

// Anything, leaning towards what makes sense together: else most would be refused.
PrunerSettings draw_settings(Draw& draw) {
  PrunerSettings s;
  s.sparsity = draw.tenths();
  s.rounds = draw.from_1_to(3);
  s.target = draw.any_of({"weights", "weights", "parameters", "macs"});
  if (draw.one_in(4)) s.control = draw.any_of({"shuffle", "reinitialise"});
  const bool at_once = s.control != "none" && !draw.one_in(4);

  s.criterion_kind = draw.any_of(criterion_registry().names());
  s.criterion = criterion_registry().make(s.criterion_kind);
  const bool scores_filters = s.criterion->scores_filters() || s.criterion->scores_structures();
  s.granularity_kind = scores_filters && !draw.one_in(4)   ? "filter"
                       : at_once && s.control == "shuffle" ? "element"
                                                           : draw.any_of(granularities_of_weights());
  s.granularity = granularity_registry().make(s.granularity_kind);
  s.dependencies = s.granularity_kind == "filter" && (s.criterion->scores_structures() || draw.one_in(2));
  if (s.dependencies) s.target = "weights";  // the others: dependencies/network_cost_test.cpp
  if (s.granularity_kind == "n_of_m") s.sparsity *= 0.5;

  s.scope = scope_registry().make(s.scope_kind = draw.any_of(scope_registry().names()));
  if (s.scope_kind == "table" && s.target == "weights") {
    const std::string rows = draw.any_of({"layer1.*", "layer3.*", "*.conv2.weight", "*"});
    s.scope = std::make_unique<Table>(std::vector<Table::Row>{{rows, draw.tenths()}});
  }
  s.schedule_kind = at_once ? "one_shot" : draw.any_of(schedule_registry().names());
  s.schedule = schedule_registry().make(s.schedule_kind);
  s.regrow_kind = s.dependencies && !draw.one_in(4) ? "none" : draw.any_of(regrow_registry().names());
  s.regrow = regrow_registry().make(s.regrow_kind);
  draw_names(draw, s);
  draw_floors(draw, s);

  testing::SetFields often, norm;
  often.numbers = {{"every", 3}, {"batches", 1}};
  s.criterion->fields(often);
  s.schedule->fields(often);
  s.regrow->fields(often);
  if (s.criterion->signed_scores() || draw.one_in(2)) norm.texts["norm"] = "l1";
  s.granularity->fields(norm);
  return s;
}

// Of what `target` counts in the whole model, or of the weights that compete: how much is pruned, and how
// much is one unit of each layer, which may not have fitted into the last of its budget.
struct Share {
  double pruned = 0.0, unit_of_each = 0.0;
};

Share share_of(const Pruner& pruner, const std::string& target, nn::Module& model) {
  const nn::ModelSummary summary = nn::summary(model, {3, 8, 8});
  const nn::LayerSummary& total = summary.total;
  double units = 0.0, all = 0.0;
  for (const auto& layer : pruner.layers()) {
    const std::string weight = layer->info().name;
    const auto found = std::find_if(summary.layers.begin(), summary.layers.end(),
                                    [&](const nn::LayerSummary& l) { return l.name + ".weight" == weight; });
    REQUIRE(found != summary.layers.end());
    const auto cost = static_cast<double>(target == "macs" ? found->macs : layer->weights());
    units += cost / static_cast<double>(layer->units());
    all += cost;
  }
  const auto share = [](std::int64_t left, std::int64_t of) {
    return 1.0 - static_cast<double>(left) / static_cast<double>(of);
  };
  if (target == "macs")
    return {share(total.effective_macs, total.macs), units / static_cast<double>(total.macs)};
  if (target == "parameters")
    return {share(total.nonzeros, total.parameters), units / static_cast<double>(total.parameters)};
  return {1.0 - pruner.density(), units / all};
}

}  // namespace

TEST_CASE(
    "any combination keeps the mask contract in every step, reaches its sparsity, and names what it "
    "refuses") {
  constexpr int kAccepted = 300;
  std::set<std::string> parts;  // of those that were accepted
  int done = 0, refused = 0;
  for (std::uint64_t trial = 0; done < kAccepted && trial < 10 * kAccepted; ++trial) {
    Draw draw(trial);
    PrunerSettings settings = draw_settings(draw);
    const std::string optimizer_kind = draw.any_of(optim::optimizer_registry().names());
    CAPTURE(trial);
    const std::string text = describe(settings) + ", optimizer " + optimizer_kind;
    CAPTURE(text);
    const auto spec = models::model_registry().make("resnet20");
    testing::SetFields narrow;
    narrow.numbers["width"] = 4;
    spec->fields(narrow);
    const auto model = spec->build({3, 8, 8}, 10, trial);
    const Tensor images = testing::random_tensor({4, 3, 8, 8}, Layout::lanes, 3);
    Tensor labels = Tensor::zeros({4}, Layout::plain, DType::i32);
    const auto loss = [&](std::int64_t, float = 1.0f) {
      return ops::cross_entropy((*model)(images), labels);
    };
    const ScoringData data{*model, Shape({3, 8, 8}), loss};

    const double sparsity = settings.sparsity;
    const std::string target = settings.target;
    const bool may_collapse = settings.on_collapse == "refuse" && settings.min_layer_density == 0.0;
    const Scope& scope = *settings.scope;
    const Criterion& criterion = *settings.criterion;
    const std::set<std::string> drawn = {
        "criterion " + settings.criterion_kind, "granularity " + settings.granularity_kind,
        "scope " + settings.scope_kind,         "schedule " + settings.schedule_kind,
        "regrow " + settings.regrow_kind,       "control " + settings.control};
    const auto optimizer = optim::optimizer_registry().make(optimizer_kind)->build(model->parameters());
    try {
      Pruner pruner(std::move(settings), model->parameters(), kSteps);
      pruner.set_data(&data);
      bool floored = false;
      pruner.on_event([&](const PruneEvent& event) { floored |= !event.floored_layers.empty(); });
      optimizer->add_hook(&pruner);
      optim::Ema averages(*model, 0.9);
      pruner.start();
      optimizer->enforce_masks();
      for (std::int64_t step = 0; step < kSteps; ++step) {
        loss(step).backward();
        optimizer->step();
        optimizer->zero_grad();
        averages.update();
        REQUIRE_NOTHROW(optimizer->check_masks());
        REQUIRE(averages_are_masked(averages, *model));
      }
      CHECK_FALSE((floored && may_collapse));
      const double asked = target == "weights" ? asked_of(pruner, scope, sparsity) : sparsity;
      const Share share = share_of(pruner, target, *model);
      CHECK(share.pruned - asked < 0.01);  // budgets are rounded to whole weights
      // A floor saves some; a threshold may let more live.
      if (!floored && !criterion.threshold()) CHECK(asked - share.pruned < share.unit_of_each + 1e-9);
      parts.insert(drawn.begin(), drawn.end());
      ++done;
    } catch (const Error& error) {
      CAPTURE(error.what());
      CHECK(is_refusal(error, may_collapse));
      ++refused;
    }
  }
  CHECK(done == kAccepted);
  CHECK(refused > 0);
  const auto all_accepted = [&](const std::string& family, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      CAPTURE(name);
      CHECK(parts.contains(family + " " + name));
    }
  };
  all_accepted("criterion", criterion_registry().names());
  all_accepted("granularity", granularities_of_weights());
  all_accepted("scope", scope_registry().names());
  all_accepted("schedule", schedule_registry().names());
  all_accepted("regrow", regrow_registry().names());
  all_accepted("control", {"none", "shuffle", "reinitialise"});
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
