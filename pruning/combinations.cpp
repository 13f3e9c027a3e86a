#include "pruning/combinations.h"

#include <algorithm>

#include "framework/core/error.h"
#include "pruning/pruner.h"

namespace espalier::pruning {
namespace {

bool prunes_at_start(const PrunerSettings& s, std::int64_t total) {
  return s.schedule->due(0, total) && s.schedule->sparsity(0, total, s.scope->largest(s.sparsity)) > 0.0;
}

bool prunes_only_at_start(const PrunerSettings& s, std::int64_t total) {
  const double sparsity = s.scope->largest(s.sparsity);
  return s.schedule->due(0, total) && s.schedule->sparsity(0, total, sparsity) == sparsity;
}

bool divides_filters(const PrunerSettings& s, const Shape& shape) {
  const UnitBox whole = whole_weight(shape), unit = s.granularity->unit(shape);
  return unit.ic != whole.ic || unit.taps != whole.taps;
}

bool prunes_branches(const PrunerSettings& s) {
  const auto structure = s.granularity->structure();
  return structure == Structure::branch || structure == Structure::layer;
}

}  // namespace

const std::vector<Combination>& senseless_combinations() {
  static const std::vector<Combination> combinations = {
      {"dependencies with a granularity that divides filters",
       "they follow whole filters; use granularity \"filter\"",
       [](const PrunerSettings& s, const Shape&, std::int64_t) {
         return s.dependencies && !s.granularity->whole_filters();
       }},
      {"regrowth with dependencies",
       "it moves single layers' units, which dependencies tie to other layers'; leave out one of the two",
       [](const PrunerSettings& s, const Shape&, std::int64_t) {
         return s.follows_dependencies() && s.regrow->grows();
       }},
      {"a schedule that reopens with dependencies",
       "weights would come back, but not what dependencies masked along; use another schedule",
       [](const PrunerSettings& s, const Shape&, std::int64_t) {
         return s.follows_dependencies() && s.schedule->gives_back();
       }},
      {"scope \"table\" with dependencies and a target of parameters or multiply-adds",
       "a table says how many structures of each layer go, the target finds that out; leave out one",
       [](const PrunerSettings& s, const Shape&, std::int64_t) {
         return s.follows_dependencies() && s.scope->names_layers() && s.target != "weights";
       }},
      {"a criterion of whole filters with a granularity that divides them",
       "all weights of a filter have one score, so their places would decide; use granularity \"filter\"",
       [](const PrunerSettings& s, const Shape& shape, std::int64_t) {
         return s.criterion->scores_filters() && divides_filters(s, shape);
       }},
      {"a criterion of structures with a granularity of weights",
       "it scores what several layers hold parts of; use granularity \"head\", \"neuron\", \"branch\" or "
       "\"layer\", or "
       "\"filter\" with dependencies",
       [](const PrunerSettings& s, const Shape&, std::int64_t) {
         return s.criterion->scores_structures() && !s.follows_dependencies();
       }},
      {"whole branches with a share of each layer",
       "a branch stays or goes; use scope \"global\", or \"table\" to name those that go",
       [](const PrunerSettings& s, const Shape&, std::int64_t) {
         return prunes_branches(s) && s.scope->shares_out();
       }},
      {"whole branches with min_layer_density",
       "a part of a branch would be kept, so all of it; leave it out",
       [](const PrunerSettings& s, const Shape&, std::int64_t) {
         return prunes_branches(s) && s.min_layer_density > 0.0;
       }},
      {"a criterion that compares within a layer with whole branches",
       "every score would be 1; use normalise \"none\"",
       [](const PrunerSettings& s, const Shape&, std::int64_t) {
         return prunes_branches(s) && s.criterion->compares_within_layers();
       }},
      {"a criterion of signed scores with norm \"l2\"",
       "squares lose the sign, and what shrinks fastest would count most; use norm = \"l1\"",
       [](const PrunerSettings& s, const Shape& shape, std::int64_t) {
         return s.criterion->signed_scores() && s.granularity->squares_scores() &&
                s.granularity->unit(shape).weights() > 1;
       }},
      {"a criterion that learns from training with pruning before the first step",
       "it has seen no gradient yet; use a later schedule, or criterion \"snip\"",
       [](const PrunerSettings& s, const Shape&, std::int64_t total) {
         return s.criterion->learns_from_training() && prunes_at_start(s, total);
       }},
      {"regrowth with a granularity of fixed groups",
       "what grows would break up the groups; use regrow \"none\" or granularity \"element\"",
       [](const PrunerSettings& s, const Shape&, std::int64_t) {
         return s.regrow->grows() && !s.regrow->feeds_back() && s.granularity->max_sparsity() < 1.0;
       }},
      {"feedback with a criterion that learns from training or runs the network",
       "it would judge pruned weights, which learn on, by a network that has zeros in their place; use "
       "criterion \"magnitude\"",
       [](const PrunerSettings& s, const Shape&, std::int64_t) {
         return s.regrow->feeds_back() && (s.criterion->learns_from_training() || s.criterion->needs_data());
       }},
      {"a control with pruning that goes on after the first step",
       "it compares masks that were found at once, before training; use schedule \"one_shot\" at 0",
       [](const PrunerSettings& s, const Shape&, std::int64_t total) {
         return s.control != "none" && !prunes_only_at_start(s, total);
       }},
      {"control \"shuffle\" with units of several weights",
       "the permutation would break the units up; use granularity \"element\"",
       [](const PrunerSettings& s, const Shape& shape, std::int64_t) {
         return s.control == "shuffle" &&
                (s.granularity->unit(shape).weights() > 1 || s.granularity->max_sparsity() < 1.0);
       }},
  };
  return combinations;
}

void refuse_senseless(const PrunerSettings& s, const Shape& shape, std::int64_t total_steps) {
  for (const Combination& combination : senseless_combinations()) {
    if (!combination.found(s, shape, total_steps)) continue;
    fail(ErrorKind::usage, "prune", "{}: {} (criterion \"{}\", granularity \"{}\", schedule \"{}\")",
         combination.parts, combination.reason, s.criterion_kind, s.granularity_kind, s.schedule_kind);
  }
}

void refuse_rivals(const Pruner& a, const Pruner& b) {
  if (!a.gives_back() && !b.gives_back()) return;
  const std::vector<nn::Parameter*> of_a = a.masked_parameters(), of_b = b.masked_parameters();
  for (const nn::Parameter* target : of_a) {
    if (std::find(of_b.begin(), of_b.end(), target) == of_b.end()) continue;
    fail(ErrorKind::usage, "prune",
         "two pruners of {}, one of them with {}: it would give back what the other took; share the layers "
         "out with include and exclude",
         target->name, (a.gives_back() ? a : b).how_it_gives_back());
  }
}

}  // namespace espalier::pruning
