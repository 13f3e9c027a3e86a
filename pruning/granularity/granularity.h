// What is pruned as one: a weight, a filter. A granularity divides a parameter into units of equal size;
// units live and die whole.
#pragma once

#include <cstdint>
#include <span>

#include "framework/core/fields.h"
#include "framework/nn/parameter.h"

namespace espalier::pruning {

class Granularity {
 public:
  virtual ~Granularity() = default;

  virtual void fields(FieldVisitor&) {}

  // Can parameters of this shape be divided so?
  virtual bool applies_to(const Shape& shape) const = 0;
  virtual std::int64_t unit_count(const Shape& shape) const = 0;
  // The score of each unit from those of its weights: [units]. May return the argument itself.
  virtual Tensor unit_scores(const Tensor& weight_scores) const = 0;
  // Clears, in a mask of the parameter's shape, every weight of the units that are not kept. keep: [units], 0
  // or 1.
  virtual void clear_units(std::span<const std::uint8_t> keep, Mask& mask) const = 0;
  // Which units have a weight left: [units], 0 or 1.
  virtual void units_alive(const Mask& mask, std::span<std::uint8_t> alive) const = 0;
};

const Registry<Granularity>& granularity_registry();

}  // namespace espalier::pruning
