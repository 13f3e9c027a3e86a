#pragma once

#include <memory>
#include <string_view>

#include "framework/tensor/sparse/sparse_pattern.h"

namespace espalier::ops {

// Passes of a convolution or a linear layer that multiply only the weights of a pattern. None unless asked
// for.
struct SparsePasses {
  std::shared_ptr<const SparsePattern> pattern;
  bool forward = false, backward_data = false, backward_weights = false;
  // With backward_weights: the weight's values at the pattern's places, a leaf. It gets the gradient, and the
  // weight none. Undefined: they are gathered from the weight, which gets its gradient.
  Tensor values = {};

  bool any() const { return forward || backward_data || backward_weights; }
  // Throws Error unless the pattern, where one is needed, is of this weight's shape.
  void check_for(const Tensor& weight, std::string_view op) const;
};

}  // namespace espalier::ops
