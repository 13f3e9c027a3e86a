#include "framework/ops/linear.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "kernels/gemm/gemm.h"

namespace espalier::ops {
namespace {

kernels::LinearShape checked_shape(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  constexpr const char* op = "linear";
  const bool tokens = x.defined() && x.rank() == 3;
  check_activation(x, tokens ? 3 : 2, op, "x", "[N, IC] or [N, T, IC]");
  check(weight.defined() && weight.rank() == 2, op, "weight expects plain [OC, IC], got {}",
        describe(weight));
  const std::int64_t ic = x.dim(-1), oc = weight.dim(0);
  check(weight.dim(1) == ic, op, "weight expects {} input features, got {}; was x flattened?", ic,
        weight.dim(1));
  check_parameter(weight, weight.shape(), op, "weight");
  if (bias.defined()) check_parameter(bias, {oc}, op, "bias");
  return {.N = x.dim(0),
          .T = tokens ? static_cast<int>(x.dim(1)) : 1,
          .IC = static_cast<int>(ic),
          .OC = static_cast<int>(oc)};
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const kernels::LinearShape s = checked_shape(x, weight, bias);
  Tensor y = Tensor::empty(x.shape().with(-1, s.OC), Layout::lanes);
  kernels::linear_fwd_f32(s, x.data(), weight.data(), bias.defined() ? bias.data() : nullptr, y.data());
  // Each operand's gradient reads the other operand.
  const bool trains = weight.requires_grad() || (bias.defined() && bias.requires_grad());
  Tensor saved_x = trains ? x.detach() : Tensor();
  Tensor saved_weight = x.requires_grad() ? weight.detach() : Tensor();
  return record("linear", {x, weight, bias}, y, [s, saved_x, saved_weight, shape = x.shape()](Backward& b) {
    const float* dy = b.grad().data();
    if (b.needs(1) || b.needs(2)) {
      Tensor dweight = Tensor::empty({s.OC, s.IC});
      Tensor dbias = b.needs(2) ? Tensor::empty({s.OC}) : Tensor();
      kernels::linear_bwd_weights_f32(s, saved_x.data(), dy, dweight.data(),
                                      b.needs(2) ? dbias.data() : nullptr);
      b.give(1, std::move(dweight));
      b.give(2, std::move(dbias));
    }
    if (b.needs(0)) {
      Tensor dx = Tensor::empty(shape, Layout::lanes);
      kernels::linear_bwd_data_f32(s, dy, saved_weight.data(), dx.data());
      b.give(0, std::move(dx));
    }
  });
}

}  // namespace espalier::ops
