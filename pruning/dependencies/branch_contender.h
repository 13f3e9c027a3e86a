// A residual branch, or all branches of a block, in competition as one: it stays or goes whole. Its score is
// the mean of its weights' scores.
#pragma once

#include <string>
#include <vector>

#include "pruning/contender.h"
#include "pruning/dependencies/branches.h"
#include "pruning/dependencies/channel_contender.h"

namespace espalier::pruning {

class BranchContender : public Contender {
 public:
  // The branches' parameters must outlive it, and so must the granularity, which sums up a weight's scores.
  BranchContender(std::string name, std::vector<ResidualBranch> branches, const Granularity& whole)
      : name_(std::move(name)), branches_(std::move(branches)), whole_(whole) {}

  // Shaped as a vector of its weights.
  LayerInfo info() const override { return {name_, Shape({1, weights()})}; }
  std::int64_t units() const override { return 1; }
  // Of convolutions and linear layers.
  std::int64_t weights() const override;
  std::int64_t kept_weights() const override;
  // The stream goes on without it.
  std::int64_t always_kept() const override { return 0; }
  Tensor scores(Criterion& criterion) override;
  std::vector<nn::Parameter*> parameters() const override;
  void alive(std::span<std::uint8_t> alive) const override;
  void keep(std::span<const std::uint8_t> keep) override;
  void remove(std::int64_t unit, Removed& removed) const override;

 private:
  bool is_alive() const;

  std::string name_;
  std::vector<ResidualBranch> branches_;
  const Granularity& whole_;
};

// Branches, or blocks as the granularity says, that have a weight among `targets`. One that has to stay goes
// to `staying`: also because it has weights that are no targets.
std::vector<std::unique_ptr<Contender>> branch_contenders(const graph::Graph& graph,
                                                          const std::vector<nn::Parameter*>& targets,
                                                          const Granularity& whole,
                                                          std::vector<Staying>& staying);

}  // namespace espalier::pruning
