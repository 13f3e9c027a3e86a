#pragma once

#include "framework/nn/modules/linear.h"

namespace espalier::nn {

// A weighted mean of the tokens that learns its weights, instead of a class token (Hassani et al., "Escaping
// the big data paradigm with compact transformers", arXiv:2104.05704): [N, T, dim] -> [N, dim],
//
//   y = sum over t of p[t] x[t],  p = softmax over t of weight . x[t] + bias
//
//   weight [1, dim], bias [1]
class SequencePool : public Linear {
 public:
  explicit SequencePool(std::int64_t dim) : Linear(dim, 1) {}

  Tensor forward(const Tensor& x) override;
  std::int64_t activation_macs(const Shape& x) const override;
  std::string type_name() const override { return "SequencePool"; }
};

}  // namespace espalier::nn
