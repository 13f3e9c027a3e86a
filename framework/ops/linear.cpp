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
          .OC = static_cast<int>(oc),
          .element = element_of(x.dtype())};
}

namespace {

void run_f32(const kernels::LinearShape& s, kernels::Conv2dPass pass, const kernels::Conv2dArgs& args) {
  const auto *src = static_cast<const float*>(args.src), *diff_dst = static_cast<const float*>(args.diff_dst);
  switch (pass) {
    case kernels::Conv2dPass::forward:
      return kernels::linear_fwd_f32(s, src, args.weights, args.bias, static_cast<float*>(args.dst));
    case kernels::Conv2dPass::backward_data:
      return kernels::linear_bwd_data_f32(s, diff_dst, args.weights, static_cast<float*>(args.diff_src));
    case kernels::Conv2dPass::backward_weights:
      return kernels::linear_bwd_weights_f32(s, src, diff_dst, args.diff_weights, args.diff_bias);
  }
}

void run_bf16(const kernels::LinearShape& s, kernels::Conv2dPass pass, const kernels::Conv2dArgs& args) {
  using kernels::Bf16;
  const kernels::LinearBf16Kernels& k = kernels::linear_bf16();
  const auto *src = static_cast<const Bf16*>(args.src), *diff_dst = static_cast<const Bf16*>(args.diff_dst);
  Tensor memory = Tensor::empty({static_cast<std::int64_t>(k.scratch_bytes(s))}, Layout::plain, DType::u8);
  void* scratch = memory.bytes();
  switch (pass) {
    case kernels::Conv2dPass::forward:
      return k.fwd(s, src, args.weights, args.bias, static_cast<Bf16*>(args.dst), scratch);
    case kernels::Conv2dPass::backward_data:
      return k.bwd_data(s, diff_dst, args.weights, static_cast<Bf16*>(args.diff_src), scratch);
    case kernels::Conv2dPass::backward_weights:
      return k.bwd_weights(s, src, diff_dst, args.diff_weights, args.diff_bias, scratch);
  }
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const SparsePasses& sparse) {
  const kernels::LinearShape s = linear_shape(x, weight, bias);
  const LayerKernels layer = {
      [s, dtype = x.dtype()](kernels::Conv2dPass pass, const kernels::Conv2dArgs& args) {
        dtype == DType::bf16 ? run_bf16(s, pass, args) : run_f32(s, pass, args);
      },
      [s](kernels::Conv2dPass pass, const SparsePattern& pattern, const kernels::SpConv2dArgs& args) {
        run_sparse(kernels::splinear(), s, pass, pattern, args);
      }};
  return weighted_layer("linear", x, weight, bias, x.shape().with(-1, s.OC), sparse, layer);
}

}  // namespace espalier::ops
