#include "framework/ops/conv2d.h"

#include "framework/core/error.h"
#include "framework/ops/checks.h"
#include "framework/ops/weighted_layer.h"
#include "framework/tune/tuner.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/spconv2d/spconv2d.h"

namespace espalier::ops {

kernels::Conv2dShape conv2d_shape(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                  const Conv2dOptions& o) {
  constexpr const char* op = "conv2d";
  check_activation(x, 4, op, "x", "[N, IC, H, W]");
  check(weight.defined() && weight.rank() == 4, op, "weight expects plain [OC, IC/groups, KH, KW], got {}",
        describe(weight));
  check(o.stride_h > 0 && o.stride_w > 0, op, "stride expects 1 or more, got {} x {}", o.stride_h,
        o.stride_w);
  check(o.padding_h >= 0 && o.padding_w >= 0, op, "padding expects 0 or more, got {} x {}", o.padding_h,
        o.padding_w);
  const std::int64_t ic = x.dim(1), oc = weight.dim(0);
  check(o.groups > 0 && ic % o.groups == 0 && oc % o.groups == 0, op,
        "groups expects a divisor of {} input and {} output channels, got {}", ic, oc, o.groups);
  check(weight.dim(1) == ic / o.groups, op, "weight expects {} input channels, got {}; check groups",
        ic / o.groups, weight.dim(1));
  check_parameter(weight, weight.shape(), op, "weight");
  if (bias.defined()) check_parameter(bias, {oc}, op, "bias");

  kernels::Conv2dShape s{.N = x.dim(0),
                         .IC = static_cast<int>(ic),
                         .IH = static_cast<int>(x.dim(2)),
                         .IW = static_cast<int>(x.dim(3)),
                         .OC = static_cast<int>(oc),
                         .KH = static_cast<int>(weight.dim(2)),
                         .KW = static_cast<int>(weight.dim(3)),
                         .SH = o.stride_h,
                         .SW = o.stride_w,
                         .PH = o.padding_h,
                         .PW = o.padding_w,
                         .groups = o.groups,
                         .element = element_of(x.dtype())};
  check(s.KH <= s.IH + 2 * s.PH && s.KW <= s.IW + 2 * s.PW, op,
        "the {} x {} kernel expects a plane at least as large, got {} x {} with padding; check padding, or "
        "whether the model is too deep for this image size",
        s.KH, s.KW, s.IH + 2 * s.PH, s.IW + 2 * s.PW);
  return s;
}

namespace {

void run_dense(const kernels::Conv2dShape& s, kernels::Conv2dPass pass, kernels::Conv2dArgs args) {
  const kernels::Conv2dKernel& kernel = tune::conv2d_kernel(s, pass);
  const auto scratch_bytes = static_cast<std::int64_t>(kernel.scratch_bytes(s));
  Tensor scratch = Tensor::empty({scratch_bytes}, Layout::plain, DType::u8);
  args.scratch = scratch.data<std::uint8_t>();
  kernel.run(s, args);
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dOptions& options,
              const SparsePasses& sparse) {
  const kernels::Conv2dShape s = conv2d_shape(x, weight, bias, options);
  check(!sparse.any() || s.groups == 1, "conv2d", "sparse passes expect groups = 1, got {}", s.groups);
  const LayerKernels layer = {
      [s](kernels::Conv2dPass pass, const kernels::Conv2dArgs& args) { run_dense(s, pass, args); },
      [s](kernels::Conv2dPass pass, const SparsePattern& pattern, const kernels::SpConv2dArgs& args) {
        run_sparse(kernels::spconv2d(), s, pass, pattern, args);
      },
      [s] { return tune::conv2d_kernel(s, kernels::Conv2dPass::backward_data).adds; }};
  return weighted_layer("conv2d", x, weight, bias, {s.N, s.OC, s.OH(), s.OW()}, sparse, layer,
                        {{"groups", s.groups},
                         {"stride_h", s.SH},
                         {"stride_w", s.SW},
                         {"padding_h", s.PH},
                         {"padding_w", s.PW}});
}

}  // namespace espalier::ops
