// The channels of a group, each with all that depends on it.
//
// The score of a channel is the mean of the scores of its filters: those that compute it, in every layer that
// does (all that a residual connection adds up). A channel that is pruned is masked wherever it is: filters,
// biases, norms, and the weights of the layers that read it. So nothing of it remains, and the masked network
// computes what the network without the channel will.
#pragma once

#include <string>
#include <vector>

#include "pruning/contender.h"
#include "pruning/dependencies/dependencies.h"
#include "pruning/granularity/granularity.h"

namespace espalier::pruning {

class ChannelContender : public Contender {
 public:
  // The group's parameters must outlive it, and so must the granularity, which sums up a filter's scores.
  ChannelContender(ChannelGroup group, const Granularity& filter);

  // Named and shaped as the first filters: [channels, IC, KH, KW].
  LayerInfo info() const override;
  std::int64_t units() const override { return group_.channels; }
  // Of filters alone: what reads a channel goes with it, and does not count.
  std::int64_t weights() const override { return group_.channels * filter_weights_; }
  std::int64_t kept_weights() const override;
  std::int64_t always_kept() const override { return 1; }
  Tensor scores(Criterion& criterion) override;
  std::vector<nn::Parameter*> parameters() const override;
  void alive(std::span<std::uint8_t> alive) const override;
  void keep(std::span<const std::uint8_t> keep) override;
  void remove(std::int64_t unit, Removed& removed) const override;

 private:
  std::vector<MaskVariable> mask_variables() const;

  ChannelGroup group_;
  const Granularity& filter_;
  std::int64_t filter_weights_ = 0;  // of a channel's filters
};

// Structures that a pruner is to prune but that have to stay.
struct Staying {
  std::string layer;
  std::int64_t count = 0;
  Structure structure = Structure::channel;
  std::string reason;
};

// The groups whose filters are all among `targets`, of the structure that the granularity names if it names
// one. A group that cannot be pruned goes to `staying`.
std::vector<std::unique_ptr<Contender>> channel_contenders(const Dependencies& dependencies,
                                                           const std::vector<nn::Parameter*>& targets,
                                                           const Granularity& filter,
                                                           std::vector<Staying>& staying);

}  // namespace espalier::pruning
