// N:M sparsity: of every M neighbouring input channels, at each output channel and tap, N weights are kept.
// Zhou et al., "Learning N:M fine-grained structured sparse neural networks from scratch", ICLR 2021.
#pragma once

#include "pruning/granularity/granularity.h"

namespace espalier::pruning {

// Single weights, of which the N best of a group are out of reach. So a schedule may approach 1 - N/M
// gradually, weakest weights of the layer first, and ends with exactly M - N zeros in each group.
class NOfM : public Granularity {
 public:
  void fields(FieldVisitor& v) override;
  UnitBox unit(const Shape&) const override { return {1, 1, 1}; }
  bool applies_to(const Shape& shape) const override;
  double max_sparsity() const override;
  std::int64_t always_kept(const Shape& shape) const override;
  Tensor unit_scores(const Tensor& weight_scores, const Mask& mask) const override;

 private:
  std::int64_t n_ = 2, m_ = 4;
};

}  // namespace espalier::pruning
