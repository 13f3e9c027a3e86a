// A trainable tensor of a module, with the mask that says which of its weights exist.
#pragma once

#include <string>

#include "framework/tensor/mask.h"
#include "framework/tensor/tensor.h"

namespace espalier::nn {

// What a parameter is, for rules such as "no decay on norm and bias" and "prune weights only".
enum class ParameterKind { weight, bias, norm };

// The mask contract: after every optimizer step, wherever the mask is 0, the value and every moment that an
// optimizer keeps for it are exactly 0. The fused update kernels uphold it; nothing else writes weights in
// training. Dormant weights are the exception: their value is 0 too, but they and their moments live on.
struct Parameter {
  std::string name;  // path from the model: "layer1.0.conv1.weight"
  ParameterKind kind = ParameterKind::weight;
  Tensor value;  // plain, PyTorch's shape; value.grad() is its gradient
  Mask mask;     // dense until a pruner sets it
  // Does anyone read the gradients of pruned weights in this step? If not, a sparse kernel may leave them 0.
  // The optimizer asks its hooks.
  bool pruned_gradients = true;
  // Plain, of the value's shape, or undefined: pruned weights that go on learning, 0 where the mask is 1. The
  // optimizer wakes them for its update and puts them back. A pruner with regrow "feedback" sets it.
  Tensor dormant = {};
  bool resized = false;  // no longer of the shape that its module gave it (nn/resize.h)

  Tensor grad() const { return value.grad(); }
  std::int64_t nonzeros() const { return mask.kept(value.numel()); }
};

}  // namespace espalier::nn
