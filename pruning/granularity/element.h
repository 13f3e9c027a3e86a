// Single weights: unstructured sparsity.
#pragma once

#include "pruning/granularity/granularity.h"

namespace espalier::pruning {

class Element : public Granularity {
 public:
  bool applies_to(const Shape&) const override { return true; }
  std::int64_t unit_count(const Shape& shape) const override { return shape.numel(); }
  Tensor unit_scores(const Tensor& weight_scores) const override { return weight_scores; }
  void clear_units(std::span<const std::uint8_t> keep, Mask& mask) const override;
  void units_alive(const Mask& mask, std::span<std::uint8_t> alive) const override;
};

}  // namespace espalier::pruning
