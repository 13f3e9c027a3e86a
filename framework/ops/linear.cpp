#include "framework/ops/linear.h"

#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/ops/weighted_layer.h"
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

void run_dense(const kernels::LinearShape& s, kernels::Conv2dPass pass, const kernels::Conv2dArgs& args) {
  switch (pass) {
    case kernels::Conv2dPass::forward:
      return kernels::linear_fwd_f32(s, args.src, args.weights, args.bias, args.dst);
    case kernels::Conv2dPass::backward_data:
      return kernels::linear_bwd_data_f32(s, args.diff_dst, args.weights, args.diff_src);
    case kernels::Conv2dPass::backward_weights:
      return kernels::linear_bwd_weights_f32(s, args.src, args.diff_dst, args.diff_weights, args.diff_bias);
  }
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const SparsePasses& sparse) {
  const kernels::LinearShape s = linear_shape(x, weight, bias);
  const LayerKernels layer = {
      [s](kernels::Conv2dPass pass, const kernels::Conv2dArgs& args) { run_dense(s, pass, args); },
      [s](kernels::Conv2dPass pass, const SparsePattern& pattern, const kernels::SpConv2dArgs& args) {
        run_sparse(kernels::splinear(), s, pass, pattern, args);
      }};
  return weighted_layer("linear", x, weight, bias, x.shape().with(-1, s.OC), sparse, layer);
}

}  // namespace espalier::ops
