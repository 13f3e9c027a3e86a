// What a network costs once structures are removed from it: multiply-adds of one image, or parameters.
//
// A weight [OC, IC, taps] that loses a of its rows and b of its columns keeps (OC - a)(IC - b) taps weights:
// what a filter saves where it is read depends on how many filters are left there. So the cost is counted for
// all that is removed together; no structure has a cost of its own.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "framework/nn/summary.h"
#include "pruning/dependencies/branches.h"
#include "pruning/dependencies/dependencies.h"

namespace espalier::pruning {

// What is gone from a network.
struct Removed {
  std::set<std::size_t> channels;             // classes of the couplings
  std::set<const nn::Parameter*> parameters;  // whole ones: those of branches
};

class NetworkCost {
 public:
  enum class Of { macs, parameters };

  // `summary` is that of the model whose dependencies these are. Parameters are referred to.
  NetworkCost(const Dependencies& dependencies, const nn::ModelSummary& summary, Of of);

  // With nothing removed, what the summary says.
  std::int64_t count(const Removed& removed) const;
  // What the masks remove now: channels without a filter left, branches that add nothing.
  Removed masked() const;

 private:
  // `each` times the positions left along the axes: counters.
  struct Term {
    std::int64_t each = 0;
    std::size_t rows = 0, columns = 0;         // columns 0: none
    const nn::Parameter* parameter = nullptr;  // goes with it; null: none
  };
  struct Loss {
    std::size_t counter;
    std::int64_t positions;
  };

  std::size_t counter_of(const Couplings& couplings, Axis axis);
  void add_weights(const Couplings& couplings);
  void add_parameters(const Couplings& couplings);
  void add_attention(const Couplings& couplings);

  std::vector<std::int64_t> sizes_ = {1};  // a counter: positions; the first one counts nothing
  std::map<Axis, std::size_t> counters_;
  std::map<std::size_t, std::vector<Loss>> losses_;  // a class: what each counter loses with it
  std::vector<Term> terms_;
  std::int64_t rest_ = 0;  // that no structure is part of
  std::vector<ChannelGroup> groups_;
  std::vector<ResidualBranch> branches_;
};

}  // namespace espalier::pruning
