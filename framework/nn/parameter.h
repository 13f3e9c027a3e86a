// A trainable tensor of a module, with the mask that says which of its weights exist.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "framework/tensor/mask.h"
#include "framework/tensor/tensor.h"

namespace espalier {
class SparsePattern;
}

namespace espalier::nn {

// What a parameter is, for rules such as "no decay on norm and bias" and "prune weights only".
enum class ParameterKind { weight, bias, norm };

// The weights that a mask keeps, next to each other, as sparse kernels multiply them. They are a leaf of the
// tape: their gradient takes memory for them alone. While all passes of the layer are sparse they are the
// parameter, and `value` is away (Tensor::put_away): whoever reads it has it whole again.
struct KeptValues {
  std::shared_ptr<const SparsePattern> pattern;  // null: none are laid out so
  std::uint64_t mask_version = 0;                // of the mask that the pattern was made of
  Tensor values;                                 // [blocks, b, b]

  bool has_gradient() const { return values.defined() && values.grad().defined(); }
  // Leaves `weight` to these values, which are gathered from it.
  void put_away(Tensor& weight) const;
};

// The mask contract: after every optimizer step, wherever the mask is 0, the value and every moment that an
// optimizer keeps for it are exactly 0. The fused update kernels uphold it; nothing else writes weights in
// training. Dormant weights are the exception: their value is 0 too, but they and their moments live on.
struct Parameter {
  std::string name;  // path from the model: "layer1.0.conv1.weight"
  ParameterKind kind = ParameterKind::weight;
  Tensor value;  // plain, PyTorch's shape
  Mask mask;     // dense until a pruner sets it
  // Does anyone read the gradients of pruned weights in this step? If not, a sparse kernel may leave them 0.
  // The optimizer asks its hooks.
  bool pruned_gradients = true;
  // May a sparse kernel leave the gradient with `kept`? An optimizer that visits kept weights alone says so.
  bool takes_kept_gradients = false;
  KeptValues kept = {};
  // Plain, of the value's shape, or undefined: pruned weights that go on learning, 0 where the mask is 1. The
  // optimizer wakes them for its update and puts them back. A pruner with regrow "feedback" sets it.
  Tensor dormant = {};
  bool resized = false;  // no longer of the shape that its module gave it (nn/resize.h)

  bool has_gradient() const { return value.grad().defined() || kept.has_gradient(); }
  // Of the value's shape; undefined when there is none. A copy where it lies with `kept`.
  Tensor grad() const;
  // Moves a gradient that lies with `kept` into value.grad().
  void make_gradient_whole();
  void zero_grad();
  std::int64_t nonzeros() const { return mask.kept(value.numel()); }
};

}  // namespace espalier::nn
