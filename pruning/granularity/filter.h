// Whole filters: the weights [oc, :, :, :] that compute one output channel of a convolution, or the row of a
// linear layer that computes one neuron. Li et al., "Pruning filters for efficient ConvNets", ICLR 2017.
#pragma once

#include "pruning/granularity/granularity.h"

namespace espalier::pruning {

class Filter : public Granularity {
 public:
  void fields(FieldVisitor& v) override;
  bool applies_to(const Shape& shape) const override { return shape.rank() >= 2; }
  std::int64_t unit_count(const Shape& shape) const override { return shape[0]; }
  // The norm of a filter's scores, divided by what it would be were all of them 1: filters of small and of
  // large layers compare.
  Tensor unit_scores(const Tensor& weight_scores) const override;
  void clear_units(std::span<const std::uint8_t> keep, Mask& mask) const override;
  void units_alive(const Mask& mask, std::span<std::uint8_t> alive) const override;

 private:
  std::string norm_ = "l2";
};

}  // namespace espalier::pruning
