#include "pruning/election.h"

#include <algorithm>
#include <cmath>

#include "framework/core/error.h"
#include "pruning/selection.h"

namespace espalier::pruning {
namespace {

// Of the units that are pruned already, or score below the threshold.
std::int64_t cost_below(const std::vector<Units>& layers, float threshold) {
  std::int64_t cost = 0;
  for (const Units& layer : layers) {
    for (std::size_t u = 0; u < layer.scores.size(); ++u) {
      if (layer.alive[u] == 0 || layer.scores[u] < threshold) cost += layer.weights_per_unit;
    }
  }
  return cost;
}

}  // namespace

std::int64_t always_kept(const PrunerSettings& settings, const Contender& layer) {
  const double floor = settings.min_layer_density * static_cast<double>(layer.units());
  return std::max(layer.always_kept(), static_cast<std::int64_t>(std::ceil(floor)));
}

void Election::score(const std::vector<std::size_t>& layers) {
  for (const std::size_t index : layers) {
    Contender& layer = *layers_[index];
    Ballot& ballot = ballots_[index];
    ballot.scores = layer.scores(*settings_.criterion);
    ballot.alive.resize(static_cast<std::size_t>(layer.units()));
    layer.alive(ballot.alive);
    ballot.keep = ballot.alive;
  }
}

void Election::vote(std::vector<Quota> quotas) {
  quotas_ = std::move(quotas);
  saved_.clear();
  for (const Quota& quota : quotas_) saved_.push_back(vote_on(quota));
}

std::vector<std::int64_t> Election::vote_on(const Quota& quota) {
  std::vector<Units> layers;
  std::int64_t cost = 0;
  for (const std::size_t index : quota.layers) {
    const Contender& layer = *layers_[index];
    Ballot& ballot = ballots_[index];
    const std::int64_t layer_cost = weight_costs_[index] * layer.weights();
    layers.push_back({.scores = {ballot.scores.data(), ballot.alive.size()},
                      .alive = ballot.alive,
                      .weights_per_unit = layer_cost / layer.units(),
                      .at_least = always_kept(settings_, layer),
                      .keep = ballot.keep});
    cost += layer_cost;
  }
  auto budget = static_cast<std::int64_t>(std::llround(quota.sparsity * static_cast<double>(cost)));
  if (const std::optional<float> threshold = settings_.criterion->threshold())
    budget = std::min(budget, cost_below(layers, *threshold));
  return select_units(layers, budget);
}

Removed Election::removed_by(const std::vector<Ballot>& ballots, Removed removed) const {
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    for (std::size_t u = 0; u < ballots[l].keep.size(); ++u) {
      if (ballots[l].keep[u] == 0) layers_[l]->remove(static_cast<std::int64_t>(u), removed);
    }
  }
  return removed;
}

void Election::vote_for_cost(const std::vector<LayerInfo>& infos, const NetworkCost& cost, double most) {
  constexpr int kHalvings = 24;
  const Removed masked = cost.masked();
  const auto is_within = [&](const std::vector<Ballot>& ballots) {
    return static_cast<double>(cost.count(removed_by(ballots, masked))) <= most;
  };
  const auto is_within_at = [&](double sparsity) {
    vote(settings_.scope->quotas(infos, sparsity));
    return is_within(ballots_);
  };
  if (is_within_at(0.0)) return;
  double low = 0.0, high = 1.0;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = 0.5 * (low + high);
    (is_within_at(middle) ? high : low) = middle;
  }
  vote(settings_.scope->quotas(infos, low));
  std::vector<Ballot> chosen = ballots_;
  vote(settings_.scope->quotas(infos, high));
  // Where every layer loses the same share, layers lose their units in step.
  bool within = false;
  for (std::size_t l = 0; l < chosen.size() && !within; ++l) {
    for (std::size_t u = 0; u < chosen[l].keep.size() && !within; ++u) {
      if (ballots_[l].keep[u] == chosen[l].keep[u]) continue;
      chosen[l].keep[u] = ballots_[l].keep[u];
      within = is_within(chosen);
    }
  }
  ballots_ = std::move(chosen);
}

void Election::carry_out(PruneEvent& event) const {
  for (std::size_t q = 0; q < quotas_.size(); ++q) {
    const Quota& quota = quotas_[q];
    for (std::size_t i = 0; i < quota.layers.size(); ++i) {
      if (saved_[q][i] == 0) continue;
      const std::string name = layers_[quota.layers[i]]->info().name;
      check(settings_.on_collapse == "floor" || settings_.min_layer_density > 0.0, "prune",
            "sparsity {:.4f} would leave {} without a single unit; lower it, use scope 'per_layer', or set "
            "min_layer_density or on_collapse = \"floor\"",
            quota.sparsity, name);
      event.floored_layers.push_back(name);
    }
    for (const std::size_t index : quota.layers) layers_[index]->keep(ballots_[index].keep);
  }
}

}  // namespace espalier::pruning
