// The pruner: pruning as a part of the optimizer step.
//
//   criterion (a score a weight) x granularity (what goes as one) x scope (who competes with whom) x schedule
//   (when, how far) x regrowth (what comes back)
//
// Each part is chosen by name and knows nothing of the others. After an update at which the schedule is due,
// the pruner scores the weights, lets the scope share out the sparsity, and clears the masks of the units
// that lost; the optimizer then zeroes what is masked, moments included, and keeps it so (the mask contract:
// framework/nn/parameter.h). What grows again starts from a weight and moments of 0, or with feedback from
// what it has become.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "framework/optim/step_hook.h"
#include "framework/tensor/named_tensors.h"
#include "pruning/contender.h"
#include "pruning/criteria/criterion.h"
#include "pruning/dependencies/channel_contender.h"
#include "pruning/dependencies/network_cost.h"
#include "pruning/granularity/granularity.h"
#include "pruning/policies/regrow.h"
#include "pruning/schedules/schedule.h"
#include "pruning/scopes/scope.h"

namespace espalier::pruning {

struct PrunerSettings {
  double sparsity = 0.0;  // 0: prunes nothing, unless a table names layers
  std::string target = "weights";
  std::vector<std::string> include = {"*"};
  std::vector<std::string> exclude;
  double min_layer_density = 0.0;
  std::string on_collapse = "floor";
  bool dependencies = false;
  std::int64_t rounds = 1;
  std::string control = "none";
  std::string criterion_kind = "magnitude", granularity_kind = "element", scope_kind = "global",
              schedule_kind = "one_shot", regrow_kind = "none";
  std::unique_ptr<Criterion> criterion = criterion_registry().make(criterion_kind);
  std::unique_ptr<Granularity> granularity = granularity_registry().make(granularity_kind);
  std::unique_ptr<Scope> scope = scope_registry().make(scope_kind);
  std::unique_ptr<Schedule> schedule = schedule_registry().make(schedule_kind);
  std::unique_ptr<Regrow> regrow = regrow_registry().make(regrow_kind);

  // Are its units structures that several layers hold parts of?
  bool follows_dependencies() const { return dependencies || granularity->structure().has_value(); }

  void fields(FieldVisitor& v);
  // Those that say which weights go, without when and how many.
  void selection_fields(FieldVisitor& v);
};

// What one change of the masks did.
struct PruneEvent {
  std::int64_t steps_done = 0;
  double target_sparsity = 0.0;             // of what `target` counts; a table may name others
  double sparsity = 0.0;                    // reached, of the weights that may be pruned
  std::int64_t grown_weights = 0;           // came back
  std::vector<std::string> floored_layers;  // would have collapsed or fallen below min_layer_density
};

class Pruner : public optim::StepHook {
 public:
  // Prunes, among `parameters`, the weights of convolutions and linear layers whose names match.
  // `total_steps` is the length of the stage. Throws Error (usage) when a pattern matches nothing, a
  // granularity does not apply, or parts make no sense together (combinations.h).
  Pruner(PrunerSettings settings, std::span<nn::Parameter* const> parameters, std::int64_t total_steps);

  // Throws Error (usage) for a network that the criterion cannot score. set_data does so, too; before a stage
  // is due, a rehearsal.
  void check_network(const ScoringData& data) const { settings_.criterion->check_network(data); }
  // For criteria that run the network (Criterion::needs_data), for target "macs", and for dependencies, which
  // are read from it here: throws Error (usage) when they let nothing go, or less than the target asks for.
  // Must outlive the pruner.
  void set_data(const ScoringData* data);
  bool needs_data() const { return settings_.criterion->needs_data(); }
  // With dependencies: what of the targets cannot be pruned, and why.
  const std::vector<Staying>& staying() const { return staying_; }

  // Called with every change of the masks.
  void on_event(std::function<void(const PruneEvent&)> listener) { listener_ = std::move(listener); }

  // Before the first step of a stage, not when it is resumed: a schedule may be due right away. The caller
  // enforces the masks afterwards (Optimizer::enforce_masks).
  void start();
  bool reads_pruned_gradients(std::int64_t step) const override;
  void before_step(const optim::StepInfo& info, std::span<nn::Parameter* const> parameters) override;
  bool after_step(const optim::StepInfo& info, std::span<nn::Parameter* const> parameters) override;
  // Has it more to do after so many steps of the stage: a mask to change, pruned weights that learn, a penalty?
  bool works_after(std::int64_t steps_done) const;

  // Kept fraction of the weights that this pruner may prune: with dependencies, of filters that can go.
  double density() const;
  const std::vector<nn::Parameter*>& targets() const { return targets_; }
  // What it may mask: its targets and, once the data is set, what depends on them.
  std::vector<nn::Parameter*> masked_parameters() const;
  // Does what was pruned ever come back? And through which key: "regrow 'set'", "schedule 'cyclic'".
  bool gives_back() const { return settings_.regrow->grows() || settings_.schedule->gives_back(); }
  std::string how_it_gives_back() const;
  // What competes: with structures, once the data is set.
  const std::vector<std::unique_ptr<Contender>>& layers() const { return layers_; }

  // What the criterion has gathered, and dormant weights; the masks are saved with their parameters.
  NamedTensors state();
  void load_state(const NamedTensors& state);

 private:
  bool is_due(std::int64_t steps_done) const;
  bool prune_if_due(std::int64_t steps_done);
  bool regrow_if_due(std::int64_t steps_done);
  // Do the weights that are pruned by then learn on?
  bool feeds_back(std::int64_t steps_done) const;
  bool feed_back_if_due(std::int64_t steps_done, bool pruned_already);
  void find_structures();
  // What a weight of each target costs, and what the whole model does.
  void set_costs(std::vector<std::int64_t> costs, std::int64_t whole);
  void apply_control(const std::vector<Tensor>& initial);
  void measure();
  void prune(std::int64_t steps_done);
  double density_of(const Quota& quota) const;
  void measure_cost(const Dependencies& dependencies);
  double cost_density(const Removed& removed) const;
  std::vector<LayerInfo> layer_infos() const;
  // Of a layer's units.
  double most_prunable() const;
  void refuse_unreachable_quotas() const;
  [[noreturn]] void refuse_more_than(double most) const;

  PrunerSettings settings_;
  std::vector<nn::Parameter*> parameters_, targets_;
  std::vector<std::unique_ptr<Contender>> layers_;  // a target each, or a structure with what depends on it
  std::vector<Staying> staying_;
  std::int64_t total_steps_, all_parameters_ = 0;
  std::vector<std::int64_t> costs_;    // of a weight, by layer; empty until they can be known
  double final_ = 0.0;                 // fraction of the layers' cost that is pruned in the end
  std::unique_ptr<NetworkCost> cost_;  // of structures, where a target counts it
  const ScoringData* data_ = nullptr;
  std::function<void(const PruneEvent&)> listener_;
};

}  // namespace espalier::pruning
