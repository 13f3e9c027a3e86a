// A layer as the pruner sees it: units of one size, which compete with each other and with other layers'.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pruning/criteria/criterion.h"
#include "pruning/scopes/scope.h"

namespace espalier::pruning {

struct Removed;

class Contender {
 public:
  virtual ~Contender() = default;

  // What a scope may know of it.
  virtual LayerInfo info() const = 0;
  virtual std::int64_t units() const = 0;
  // Of all units, pruned or not; and of those that are left.
  virtual std::int64_t weights() const = 0;
  virtual std::int64_t kept_weights() const = 0;
  // So many units are kept at any sparsity.
  virtual std::int64_t always_kept() const = 0;

  // One score a unit, [units]: low = prune first.
  virtual Tensor scores(Criterion& criterion) = 0;
  // Which units have a weight left: [units], 0 or 1.
  virtual void alive(std::span<std::uint8_t> alive) const = 0;
  // Of whatever keep() may mask a part.
  virtual std::vector<nn::Parameter*> parameters() const = 0;
  // Masks all units but those marked: [units], 0 or 1.
  virtual void keep(std::span<const std::uint8_t> keep) = 0;
  // Adds a unit to what is gone from the network (dependencies/network_cost.h); one that is part of a weight
  // cannot be removed.
  virtual void remove(std::int64_t /*unit*/, Removed& /*removed*/) const {}
};

}  // namespace espalier::pruning
