// Who goes: the units of layers, scored once, and the votes on them.
//
// A vote fills the budget of each quota with the units of least score. It can be taken again with other
// quotas, until what is left of the network costs what it may; then it is carried out.
#pragma once

#include <memory>
#include <vector>

#include "pruning/dependencies/network_cost.h"
#include "pruning/pruner.h"

namespace espalier::pruning {

// So many units of the layer stay at any sparsity.
std::int64_t always_kept(const PrunerSettings& settings, const Contender& layer);

class Election {
 public:
  using Layers = std::vector<std::unique_ptr<Contender>>;

  // `weight_costs`: of a weight, by layer. All must outlive it.
  Election(const PrunerSettings& settings, const Layers& layers,
           const std::vector<std::int64_t>& weight_costs)
      : settings_(settings), layers_(layers), weight_costs_(weight_costs), ballots_(layers.size()) {}

  // Scores the layers' units, as their masks are now. Votes are on these layers.
  void score(const std::vector<std::size_t>& layers);

  void vote(std::vector<Quota> quotas);
  // Finds the least sparsity for the scope to share out with which the network costs `most`, at most; the
  // last units go one by one, so that it costs that within one of them. `infos` are of all layers, which are
  // scored.
  void vote_for_cost(const std::vector<LayerInfo>& infos, const NetworkCost& cost, double most);

  // Masks the units that lost. Throws Error where a layer would collapse and may not.
  void carry_out(PruneEvent& event) const;

 private:
  struct Ballot {
    Tensor scores;                          // [units]
    std::vector<std::uint8_t> alive, keep;  // [units]
  };

  std::vector<std::int64_t> vote_on(const Quota& quota);
  // Adds the units that lost.
  Removed removed_by(const std::vector<Ballot>& ballots, Removed removed) const;

  const PrunerSettings& settings_;
  const Layers& layers_;
  const std::vector<std::int64_t>& weight_costs_;
  std::vector<Ballot> ballots_;                   // a layer; empty where it is not scored
  std::vector<Quota> quotas_;                     // of the latest vote
  std::vector<std::vector<std::int64_t>> saved_;  // a quota: units of each of its layers that had to stay
};

}  // namespace espalier::pruning
