#include "pruning/pruner.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "framework/nn/summary.h"
#include "pruning/combinations.h"
#include "pruning/dependencies/branch_contender.h"
#include "pruning/election.h"
#include "pruning/granularity/weight_contender.h"
#include "pruning/policies/dormant.h"
#include "pruning/policies/exchange.h"
#include "pruning/policies/rewind.h"
#include "pruning/targets.h"

namespace espalier::pruning {
namespace {

// 1 - 0.8 is less than 0.2.
constexpr double kRounding = 1e-9;

std::vector<Mask> masks_of(std::span<nn::Parameter* const> parameters) {
  std::vector<Mask> masks;
  for (const nn::Parameter* parameter : parameters) masks.push_back(parameter->mask);
  return masks;
}

// Weights that live now and did not under `before`.
std::int64_t grown_since(const std::vector<Mask>& before, std::span<nn::Parameter* const> parameters) {
  std::int64_t grown = 0;
  for (std::size_t p = 0; p < before.size(); ++p) {
    const std::uint8_t* was = before[p].data();
    const std::uint8_t* is = std::as_const(parameters[p]->mask).data();
    for (std::int64_t i = 0; was != nullptr && i < parameters[p]->value.numel(); ++i)
      grown += was[i] == 0 && is[i] != 0 ? 1 : 0;
  }
  return grown;
}

}  // namespace

void PrunerSettings::fields(FieldVisitor& v) {
  v.field("sparsity", sparsity,
          "fraction of the targeted weights that is pruned in the end; of layers that a table does not name",
          {0.0, 1.0});
  selection_fields(v);
  v.field("control", control,
          "of pruning before the first step: permute each layer's mask, or draw new initial weights under it",
          {"none", "shuffle", "reinitialise"});
  v.part("schedule", schedule_kind, schedule, schedule_registry(), "when, and how far");
  v.part("regrow", regrow_kind, regrow, regrow_registry(), "what comes back while others go");
}

void PrunerSettings::selection_fields(FieldVisitor& v) {
  v.field(
      "target", target,
      "what sparsity is a fraction of: the weights that may be pruned, all the model's parameters, or its "
      "multiply-adds",
      {"weights", "parameters", "macs"});
  v.field("include", include, "names of the parameters to prune, * and ? as in file names");
  v.field("exclude", exclude, "names to leave dense, stronger than include");
  v.field("min_layer_density", min_layer_density, "fraction of its units that every layer keeps", {0.0, 1.0});
  v.field("on_collapse", on_collapse,
          "a layer would lose all its units: keep its best one, or stop with an error", {"floor", "refuse"});
  v.field("rounds", rounds, "every change of the masks is made in so many rounds, with new scores in each",
          {1, 10000});
  v.part("criterion", criterion_kind, criterion, criterion_registry(), "what a weight is worth");
  v.part("granularity", granularity_kind, granularity, granularity_registry(), "what is pruned as one");
  v.field(
      "dependencies", dependencies,
      "with granularity 'filter': mask all that goes with a filter (bias, norm, residual partners, what "
      "reads it), so that a shrink stage can remove it; sparsity is then of the filters that can go, or of "
      "what target counts in the network without them; heads, neurons, branches and layers always follow "
      "them");
  v.part("scope", scope_kind, scope, scope_registry(), "who competes with whom");
}

Pruner::Pruner(PrunerSettings settings, std::span<nn::Parameter* const> parameters, std::int64_t total_steps)
    : settings_(std::move(settings)),
      parameters_(parameters.begin(), parameters.end()),
      targets_(select_targets(parameters, settings_.include, settings_.exclude)),
      total_steps_(total_steps) {
  settings_.schedule->check();
  for (const nn::Parameter* parameter : parameters) all_parameters_ += parameter->value.numel();
  for (const nn::Parameter* target : targets_) {
    if (settings_.granularity->applies_to(target->value.shape())) continue;
    fail(ErrorKind::usage, "prune", "granularity '{}' does not apply to {} of shape {}; exclude it",
         settings_.granularity_kind, target->name, target->value.shape().str());
  }
  for (const nn::Parameter* target : targets_)
    refuse_senseless(settings_, target->value.shape(), total_steps_);
  settings_.criterion->begin(total_steps_);
  if (settings_.follows_dependencies()) return;  // set_data
  for (nn::Parameter* target : targets_)
    layers_.push_back(std::make_unique<WeightContender>(*target, *settings_.granularity));
  if (settings_.target != "macs") set_costs(std::vector<std::int64_t>(targets_.size(), 1), all_parameters_);
}

void Pruner::set_data(const ScoringData* data) {
  check_network(*data);
  data_ = data;
  if (settings_.follows_dependencies()) return find_structures();
  if (settings_.target != "macs") return;
  const nn::ModelSummary summary = nn::summary(data->model, data->input_shape);
  std::vector<std::int64_t> costs;  // how often a target's weights are each used for one image
  for (const nn::Parameter* target : targets_) {
    const std::string module = target->name.substr(0, target->name.rfind('.'));
    const auto layer = std::find_if(summary.layers.begin(), summary.layers.end(),
                                    [&](const nn::LayerSummary& l) { return l.name == module; });
    check(layer != summary.layers.end() && layer->macs > 0, "prune", "{} is used in no multiply-add",
          target->name);
    costs.push_back(layer->macs / target->value.numel());
  }
  set_costs(std::move(costs), summary.total.macs);
}

void Pruner::find_structures() {
  staying_.clear();
  const Granularity& granularity = *settings_.granularity;
  const auto structure = granularity.structure();
  const Dependencies dependencies = find_dependencies(data_->model, data_->input_shape);
  layers_ = structure == Structure::branch || structure == Structure::layer
                ? branch_contenders(dependencies.graph(), targets_, granularity, staying_)
                : channel_contenders(dependencies, targets_, granularity, staying_);
  costs_.assign(layers_.size(), 1);
  final_ = settings_.sparsity;
  if (!layers_.empty()) return measure_cost(dependencies);
  std::string reasons;
  for (const Staying& staying : staying_)
    reasons += fmt::format("\n  {} of {}: {}", counted(staying.count, staying.structure), staying.layer,
                           staying.reason);
  fail(ErrorKind::usage, "prune", "granularity '{}' finds nothing that can go{}", settings_.granularity_kind,
       reasons.empty() ? ": the network has none" : ":" + reasons);
}

void Pruner::set_costs(std::vector<std::int64_t> costs, std::int64_t whole) {
  costs_ = std::move(costs);
  std::int64_t targeted = 0;
  for (std::size_t t = 0; t < targets_.size(); ++t) targeted += costs_[t] * targets_[t]->value.numel();
  const double share =
      settings_.target == "weights" ? 1.0 : static_cast<double>(whole) / static_cast<double>(targeted);
  final_ = settings_.sparsity * share;
  if (final_ > most_prunable() + kRounding) refuse_more_than(most_prunable() / share);
  refuse_unreachable_quotas();
}

double Pruner::most_prunable() const {
  return std::min(settings_.granularity->max_sparsity(), 1.0 - settings_.min_layer_density);
}

std::vector<LayerInfo> Pruner::layer_infos() const {
  std::vector<LayerInfo> infos;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    infos.push_back(layers_[l]->info());
    infos.back().cost = static_cast<double>(costs_[l]);
  }
  return infos;
}

void Pruner::refuse_unreachable_quotas() const {
  for (const Quota& quota : settings_.scope->quotas(layer_infos(), final_)) {
    if (quota.sparsity <= most_prunable() + kRounding) continue;
    fail(ErrorKind::usage, "prune",
         "scope '{}' asks for {:.3g} of {}, granularity '{}' and min_layer_density {} let go {:.3g} at most",
         settings_.scope_kind, quota.sparsity, layers_[quota.layers.front()]->info().name,
         settings_.granularity_kind, settings_.min_layer_density, most_prunable());
  }
}

void Pruner::measure_cost(const Dependencies& dependencies) {
  if (settings_.target == "weights") return refuse_unreachable_quotas();
  cost_ = std::make_unique<NetworkCost>(
      dependencies, nn::summary(data_->model, data_->input_shape),
      settings_.target == "macs" ? NetworkCost::Of::macs : NetworkCost::Of::parameters);
  Removed most = cost_->masked();
  for (const auto& layer : layers_) {
    for (std::int64_t unit = always_kept(settings_, *layer); unit < layer->units(); ++unit)
      layer->remove(unit, most);
  }
  const double left = cost_density(most);
  if (1.0 - settings_.sparsity < left) refuse_more_than(1.0 - left);
}

void Pruner::refuse_more_than(double most) const {
  fail(ErrorKind::usage, "prune",
       "sparsity asks for {} of the {}, granularity '{}' and min_layer_density {} let go {:.3g} at most, of "
       "what include and exclude leave to them",
       settings_.sparsity, settings_.target, settings_.granularity_kind, settings_.min_layer_density, most);
}

std::vector<nn::Parameter*> Pruner::masked_parameters() const {
  std::vector<nn::Parameter*> masked = targets_;
  for (const auto& layer : layers_) {
    const std::vector<nn::Parameter*> of_layer = layer->parameters();
    masked.insert(masked.end(), of_layer.begin(), of_layer.end());
  }
  return masked;
}

std::string Pruner::how_it_gives_back() const {
  return settings_.regrow->grows() ? fmt::format("regrow '{}'", settings_.regrow_kind)
                                   : fmt::format("schedule '{}'", settings_.schedule_kind);
}

void Pruner::start() {
  std::vector<Tensor> initial;
  for (const nn::Parameter* target : targets_) {
    if (settings_.control != "none") initial.push_back(target->value.clone());
  }
  if (prune_if_due(0)) apply_control(initial);
}

void Pruner::apply_control(const std::vector<Tensor>& initial) {
  if (settings_.control == "none") return;
  check(data_ != nullptr, "prune", "control '{}' needs a network and a seed", settings_.control);
  if (settings_.control == "reinitialise") return reinitialise_(data_->model, data_->seed);
  // Rounds have zeroed what each masked; elsewhere it may live.
  for (std::size_t t = 0; t < targets_.size(); ++t) targets_[t]->value.copy_(initial[t]);
  shuffle_masks_(targets_, data_->seed);
}

bool Pruner::reads_pruned_gradients(std::int64_t step) const {
  return settings_.criterion->reads_pruned_gradients() || feeds_back(step) ||
         (settings_.regrow->reads_pruned_gradients() && settings_.regrow->due(step + 1, total_steps_));
}

void Pruner::before_step(const optim::StepInfo& info, std::span<nn::Parameter* const> parameters) {
  settings_.criterion->observe(info, parameters);
  if (settings_.regrow->due(info.step + 1, total_steps_)) settings_.regrow->observe(targets_);
}

bool Pruner::after_step(const optim::StepInfo& info, std::span<nn::Parameter* const>) {
  const std::int64_t steps_done = info.step + 1;
  const bool pruned = prune_if_due(steps_done);
  if (settings_.regrow->feeds_back()) return feed_back_if_due(steps_done, pruned) || pruned;
  return regrow_if_due(steps_done) || pruned;
}

bool Pruner::is_due(std::int64_t steps_done) const {
  const bool prunes = settings_.scope->largest(settings_.sparsity) > 0.0;
  return prunes && settings_.schedule->due(steps_done, total_steps_);
}

bool Pruner::works_after(std::int64_t steps_done) const {
  if (feeds_back(steps_done)) return true;
  if (settings_.criterion->adds_gradients() && steps_done < total_steps_) return true;
  for (std::int64_t later = steps_done + 1; later <= total_steps_; ++later) {
    if (is_due(later) || settings_.regrow->due(later, total_steps_)) return true;
  }
  return false;
}

bool Pruner::prune_if_due(std::int64_t steps_done) {
  if (!is_due(steps_done)) return false;
  prune(steps_done);
  return true;
}

bool Pruner::feeds_back(std::int64_t steps_done) const {
  return settings_.regrow->feeds_back() && !settings_.regrow->over(steps_done, total_steps_);
}

bool Pruner::feed_back_if_due(std::int64_t steps_done, bool pruned_already) {
  if (!feeds_back(steps_done)) return drop_dormant(targets_);
  if (pruned_already || !have_dormant(targets_) || !settings_.regrow->due(steps_done, total_steps_))
    return false;
  prune(steps_done);
  return true;
}

bool Pruner::regrow_if_due(std::int64_t steps_done) {
  if (!settings_.regrow->due(steps_done, total_steps_)) return false;
  PruneEvent event{.steps_done = steps_done,
                   .target_sparsity = 1.0 - density(),
                   .sparsity = 1.0 - density(),
                   .floored_layers = {}};
  const double share = settings_.regrow->share(steps_done, total_steps_);
  for (nn::Parameter* target : targets_) {
    event.grown_weights += exchange_units(*target, *settings_.granularity,
                                          settings_.regrow->growth_scores(*target, steps_done), share);
  }
  if (listener_) listener_(event);
  return true;
}

void Pruner::measure() {
  if (!needs_data()) return;
  check(data_ != nullptr, "prune", "criterion '{}' needs a network and data to run it on",
        settings_.criterion_kind);
  // What an earlier round or update has masked is to count for nothing.
  for (nn::Parameter* parameter : parameters_) parameter->mask.apply_(parameter->value);
  settings_.criterion->measure(*data_, targets_);
}

double Pruner::density() const {
  std::int64_t kept = 0, all = 0;
  for (const auto& layer : layers_) {
    kept += layer->kept_weights();
    all += layer->weights();
  }
  return static_cast<double>(kept) / static_cast<double>(all);
}

double Pruner::cost_density(const Removed& removed) const {
  return static_cast<double>(cost_->count(removed)) / static_cast<double>(cost_->count({}));
}

double Pruner::density_of(const Quota& quota) const {
  std::int64_t kept = 0, all = 0;
  for (std::size_t layer : quota.layers) {
    kept += costs_[layer] * layers_[layer]->kept_weights();
    all += costs_[layer] * layers_[layer]->weights();
  }
  return static_cast<double>(kept) / static_cast<double>(all);
}

void Pruner::prune(std::int64_t steps_done) {
  check(!layers_.empty(), "prune", "dependencies need a network: call set_data first");
  check(!costs_.empty(), "prune", "target '{}' needs a network to measure", settings_.target);
  const std::vector<LayerInfo> layers = layer_infos();
  std::vector<std::size_t> all(layers_.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  const std::vector<Mask> before = masks_of(targets_);
  if (feeds_back(steps_done)) {
    let_all_compete(targets_);
  } else if (settings_.schedule->reopens(steps_done, total_steps_)) {
    for (nn::Parameter* target : targets_) target->mask = Mask::ones(target->value.shape());
  }
  const double target_sparsity = settings_.schedule->sparsity(steps_done, total_steps_, settings_.sparsity);
  PruneEvent event{
      .steps_done = steps_done, .target_sparsity = target_sparsity, .sparsity = 0.0, .floored_layers = {}};
  std::vector<Quota> quotas = settings_.scope->quotas(layers, final_);
  const double cost_before = cost_ == nullptr ? 0.0 : cost_density(cost_->masked());
  std::vector<double> densities;  // a quota, before
  for (Quota& quota : quotas) {
    quota.sparsity = settings_.schedule->sparsity(steps_done, total_steps_, quota.sparsity);
    densities.push_back(density_of(quota));
  }
  for (std::int64_t round = 1; round <= settings_.rounds; ++round) {
    measure();
    event.floored_layers.clear();
    // Every round takes the same share of what is left.
    const double p = static_cast<double>(round) / static_cast<double>(settings_.rounds);
    const auto sparsity_now = [&](double density, double sparsity) {
      return round == settings_.rounds ? sparsity : 1.0 - density * std::pow((1.0 - sparsity) / density, p);
    };
    if (cost_ != nullptr) {
      const double density = 1.0 - sparsity_now(cost_before, target_sparsity);
      Election election(settings_, layers_, costs_);
      election.score(all);
      election.vote_for_cost(layers, *cost_, density * static_cast<double>(cost_->count({})));
      election.carry_out(event);
      continue;
    }
    for (std::size_t q = 0; q < quotas.size(); ++q) {
      Election election(settings_, layers_, costs_);
      election.score(quotas[q].layers);
      election.vote({{quotas[q].layers, sparsity_now(densities[q], quotas[q].sparsity)}});
      election.carry_out(event);
    }
  }
  event.sparsity = 1.0 - density();
  if (feeds_back(steps_done)) event.grown_weights = grown_since(before, targets_);
  if (listener_) listener_(event);
}

NamedTensors Pruner::state() {
  NamedTensors state = settings_.criterion->state();
  for (auto& entry : dormant_state(targets_)) state.push_back(std::move(entry));
  return state;
}

void Pruner::load_state(const NamedTensors& state) {
  settings_.criterion->load_state(load_dormant(targets_, state));
}

}  // namespace espalier::pruning
