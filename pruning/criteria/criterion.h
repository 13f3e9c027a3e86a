// How much a weight matters. A criterion gives every weight a score; the lowest are pruned.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "framework/core/fields.h"
#include "framework/nn/module.h"
#include "framework/optim/step_hook.h"
#include "pruning/criteria/mask_variable.h"

namespace espalier::pruning {

// What a criterion may run a network on.
struct ScoringData {
  nn::Module& model;
  Shape input_shape;  // of one image: [C, H, W]
  // Mean loss of training batch number i, with logits divided by the temperature, in the mode that the model
  // is in. Batches repeat after the last.
  std::function<Tensor(std::int64_t i, float temperature)> batch_loss;
  std::uint64_t seed = 0;  // the experiment's

  // The same of the whole network, which is what criteria score: from here on its dropout and stochastic
  // depth leave nothing out, in training neither. Otherwise scores would depend on the step that the model
  // happened to be in, and two gradients of one batch would be of two networks.
  Tensor loss(std::int64_t i, float temperature = 1.0f) const;
};

class Criterion {
 public:
  virtual ~Criterion() = default;

  // The criterion's own config keys.
  virtual void fields(FieldVisitor&) {}

  // One score a weight, of the parameter's shape: finite, low = prune first. Scores of weights that are
  // pruned already are not looked at.
  virtual Tensor scores(const nn::Parameter& parameter) = 0;

  // Where it is not the sparsity alone that decides: units that score below this go, no others. Nothing: the
  // lowest go, as many as the sparsity asks for.
  virtual std::optional<float> threshold() const { return std::nullopt; }

  // Throws Error (usage) for a network that its scores would say nothing of.
  virtual void check_network(const ScoringData&) const {}
  // For criteria that look at the network at the moment of pruning: called before scores() of the parameters
  // that compete. Leaves the model and its gradients as they were.
  virtual bool needs_data() const { return false; }
  virtual void measure(const ScoringData&, std::span<nn::Parameter* const>) {}
  // Why it cannot tell the units of a weight apart; empty: it can. Asked after measure().
  virtual std::string blind_to(const nn::Parameter&) const { return {}; }

  // Does observe() read the gradients of pruned weights?
  virtual bool reads_pruned_gradients() const { return false; }
  // Before the first step of a stage, also of one that is resumed.
  virtual void begin(std::int64_t /*total_steps*/) {}
  // Before every update, with the gradients that it is about to use: for criteria that learn from training.
  // A criterion with a penalty adds its gradient here.
  virtual void observe(const optim::StepInfo&, std::span<nn::Parameter* const>) {}

  // Do the scores come from observe() alone? Then there are none before the first step.
  virtual bool learns_from_training() const { return false; }
  // Does observe() add to the gradients? Then training changes when the criterion is gone.
  virtual bool adds_gradients() const { return false; }
  // Do all weights of a filter have one score? Then only whole filters can be told apart.
  virtual bool scores_filters() const { return false; }

  // Can a score be below 0, the least of all?
  virtual bool signed_scores() const { return false; }
  // Do scores of one layer say nothing of another's?
  virtual bool compares_within_layers() const { return false; }
  // Does it score whole structures, and no weights? Then structure_scores() is asked instead of scores(): one
  // score for each structure of a layer, [structures].
  virtual bool scores_structures() const { return false; }
  virtual Tensor structure_scores(const std::vector<MaskVariable>&) { return {}; }

  // What observe() has gathered, by name, for checkpoints.
  virtual std::vector<std::pair<std::string, Tensor>> state() { return {}; }
  virtual void load_state(const std::vector<std::pair<std::string, Tensor>>&) {}
};

// The criterion's scores of a weight, [OC, IC, KH, KW] or [OUT, IN]. Throws Error (not_finite) when one that
// is alive has none.
Tensor finite_scores(Criterion& criterion, const nn::Parameter& parameter);

// Every criterion, a row each.
const Registry<Criterion>& criterion_registry();

}  // namespace espalier::pruning
