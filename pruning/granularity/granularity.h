// What is pruned as one: a weight, a filter. A granularity divides a weight, seen as [OC, IC, taps] (a linear
// layer's as [OUT, IN, 1]), into boxes of equal size, its units; units live and die whole.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "framework/core/fields.h"
#include "framework/tensor/mask.h"
#include "pruning/dependencies/structure.h"

namespace espalier::pruning {

// The extents of a box in a weight.
struct UnitBox {
  std::int64_t oc = 1, ic = 1, taps = 1;

  std::int64_t weights() const { return oc * ic * taps; }
};

// A weight's shape as a box: rank 2 or more; what lies beyond the second dimension are taps.
UnitBox whole_weight(const Shape& shape);

class Granularity {
 public:
  virtual ~Granularity() = default;

  virtual void fields(FieldVisitor&) {}

  // One unit of a weight of this shape.
  virtual UnitBox unit(const Shape& shape) const = 0;
  // Can a weight of this shape be divided so, without a rest?
  virtual bool applies_to(const Shape& shape) const;
  // Where a unit is more than a part of one weight: what goes as one then, found by the dependencies of the
  // network. unit() is what its scores are first summed up over.
  virtual std::optional<Structure> structure() const { return std::nullopt; }
  // Is a unit all that makes one output, so that dependencies can follow it through the network?
  virtual bool whole_filters() const { return structure().has_value(); }
  // The largest sparsity that the pattern allows.
  virtual double max_sparsity() const { return 1.0; }
  // So many of a layer's units are kept at any sparsity: one at least, or nothing would pass the layer.
  virtual std::int64_t always_kept(const Shape&) const { return 1; }

  // The score of each unit from those of its weights: [units]. `mask` is the weight's, dense or not.
  virtual Tensor unit_scores(const Tensor& weight_scores, const Mask& mask) const;

  bool squares_scores() const { return norm_ == "l2"; }
  std::int64_t unit_count(const Shape& shape) const;
  // Clears, in a mask of the parameter's shape, every weight of the units that are not kept. keep: [units], 0
  // or 1.
  void clear_units(std::span<const std::uint8_t> keep, Mask& mask) const;
  // Sets them where a unit is to live: grow: [units], 0 or 1.
  void set_units(std::span<const std::uint8_t> grow, Mask& mask) const;
  // Which units have a weight left: [units], 0 or 1.
  void units_alive(const Mask& mask, std::span<std::uint8_t> alive) const;

 protected:
  // For units of several weights: how their scores become one. The mean makes units of small and of large
  // layers compare.
  void norm_field(FieldVisitor& v);

 private:
  std::string norm_ = "l2";
};

const Registry<Granularity>& granularity_registry();

}  // namespace espalier::pruning
