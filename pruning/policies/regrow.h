// Regrowth: dynamic sparse training. Every so many steps each layer gives up its smallest units and grows as
// many elsewhere, so that the network looks for its connections while it trains, with the same number of
// weights throughout. What grows is said here: of all that is outside after the drop, so that what was just
// dropped may be taken back.
//
//   share of a layer's living units that moves after t steps:  fraction / 2 * (1 + cos(pi t / end))
//
// Evci et al., "Rigging the lottery: making all tickets winners", ICML 2020. With feedback nothing is moved:
// pruned weights learn on, and all compete anew.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/core/fields.h"
#include "framework/nn/parameter.h"

namespace espalier::pruning {

class Regrow {
 public:
  virtual ~Regrow() = default;

  virtual void fields(FieldVisitor& v);

  // Does anything ever come back?
  virtual bool grows() const { return true; }
  // Do pruned weights learn on, until it is over, so that a change of the masks chooses among all weights?
  virtual bool feeds_back() const { return false; }
  // Is it over after `done` of `total` steps?
  bool over(std::int64_t done, std::int64_t total) const { return done >= last_step(total); }
  // Is it to happen after `done` of `total` steps?
  virtual bool due(std::int64_t done, std::int64_t total) const;
  // The share of living units that moves.
  double share(std::int64_t done, std::int64_t total) const;

  // Does observe() read the gradients of pruned weights?
  virtual bool reads_pruned_gradients() const { return false; }
  // In the step after which it is due, with its gradients.
  virtual void observe(std::span<nn::Parameter* const>) {}
  // Where units are moved: one score a weight, of the parameter's shape; the highest grow first, among those
  // that do not stay.
  virtual Tensor growth_scores(const nn::Parameter& parameter, std::int64_t done);

 protected:
  // Those of when alone.
  void timing_fields(FieldVisitor& v);

  std::int64_t every_ = 100;
  double end_ = 0.75;

 private:
  std::int64_t last_step(std::int64_t total) const;

  double fraction_ = 0.3;
};

const Registry<Regrow>& regrow_registry();

}  // namespace espalier::pruning
