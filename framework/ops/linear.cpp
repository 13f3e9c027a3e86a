#include "framework/ops/linear.h"

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "kernels/splinear/splinear.h"

namespace espalier::ops {

kernels::LinearShape linear_shape(const Tensor& x, const Tensor& weight, const Tensor& bias) {
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

namespace {

void run(const kernels::LinearShape& s, kernels::Conv2dPass pass, const SparsePattern& pattern,
         kernels::SpConv2dArgs args) {
  const kernels::SpLinearKernels& kernels = kernels::splinear();
  const auto scratch_bytes = static_cast<std::int64_t>(kernels.scratch_bytes(s, pattern.view(), pass));
  Tensor scratch = Tensor::empty({scratch_bytes}, Layout::plain, DType::u8);
  args.scratch = scratch.data<std::uint8_t>();
  kernels.run(s, pattern.view(), pass, args);
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const SparsePasses& sparse) {
  const kernels::LinearShape s = linear_shape(x, weight, bias);
  sparse.check_for(weight, "linear");
  Tensor y = Tensor::empty(x.shape().with(-1, s.OC), Layout::lanes);
  const float* b_data = bias.defined() ? bias.data() : nullptr;
  // The values of kept weights serve forward and backward data.
  Tensor values = sparse.forward || sparse.backward_data ? sparse.pattern->gather(weight) : Tensor();
  if (sparse.forward) {
    run(s, kernels::Conv2dPass::forward, *sparse.pattern,
        {.src = x.data(), .values = values.data(), .bias = b_data, .dst = y.data()});
  } else {
    kernels::linear_fwd_f32(s, x.data(), weight.data(), b_data, y.data());
  }
  // Each operand's gradient reads the other operand.
  const bool trains = weight.requires_grad() || (bias.defined() && bias.requires_grad());
  Tensor saved_x = trains ? x.detach() : Tensor();
  Tensor saved_weight = x.requires_grad() && !sparse.backward_data ? weight.detach() : Tensor();
  if (!x.requires_grad()) values = Tensor();
  const BackwardFunction backward = [=, shape = x.shape()](Backward& b) {
    const float* dy = b.grad().data();
    if (b.needs(1) || b.needs(2)) {
      Tensor dbias = b.needs(2) ? Tensor::empty({s.OC}) : Tensor();
      float* dbias_data = b.needs(2) ? dbias.data() : nullptr;
      Tensor dweight;
      if (sparse.backward_weights) {
        const std::int64_t size = sparse.pattern->block_size();
        Tensor dvalues = Tensor::empty({sparse.pattern->blocks(), size, size});
        run(s, kernels::Conv2dPass::backward_weights, *sparse.pattern,
            {.src = saved_x.data(), .diff_dst = dy, .diff_values = dvalues.data(), .diff_bias = dbias_data});
        dweight = sparse.pattern->scatter(dvalues);
      } else {
        dweight = Tensor::empty({s.OC, s.IC});
        kernels::linear_bwd_weights_f32(s, saved_x.data(), dy, dweight.data(), dbias_data);
      }
      b.give(1, std::move(dweight));
      b.give(2, std::move(dbias));
    }
    if (b.needs(0)) {
      Tensor dx = Tensor::empty(shape, Layout::lanes);
      if (sparse.backward_data) {
        run(s, kernels::Conv2dPass::backward_data, *sparse.pattern,
            {.values = values.data(), .diff_dst = dy, .diff_src = dx.data()});
      } else {
        kernels::linear_bwd_data_f32(s, dy, saved_weight.data(), dx.data());
      }
      b.give(0, std::move(dx));
    }
  };
  return record("linear", {x, weight, bias}, y, backward);
}

}  // namespace espalier::ops
