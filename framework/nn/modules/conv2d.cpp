#include "framework/nn/modules/conv2d.h"

#include <algorithm>

#include "framework/core/error.h"
#include "framework/nn/init.h"

namespace espalier::nn {

Conv2d::Conv2d(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
               const Options& options)
    : options_{.stride_h = options.stride,
               .stride_w = options.stride,
               .padding_h = options.padding,
               .padding_w = options.padding,
               .groups = options.groups} {
  check(in_channels > 0 && out_channels > 0 && kernel_size > 0, "Conv2d",
        "channels and kernel size are at least 1, got {} -> {} channels, kernel {}", in_channels,
        out_channels, kernel_size);
  check(options.groups > 0 && in_channels % options.groups == 0 && out_channels % options.groups == 0,
        "Conv2d", "{} -> {} channels do not divide into {} groups", in_channels, out_channels,
        options.groups);
  if (options.groups > 1 && options.groups == in_channels) outputs_per_channel_ = out_channels / in_channels;
  const Shape shape = {out_channels, in_channels / options.groups, kernel_size, kernel_size};
  weight_ = &register_parameter("weight", Tensor::empty(shape), ParameterKind::weight);
  if (options.bias) {
    bias_ = &register_parameter("bias", Tensor::empty({out_channels}), ParameterKind::bias);
  }
  Conv2d::reset_parameters(0);
}

Tensor Conv2d::forward(const Tensor& x) {
  ops::Conv2dOptions options = options_;
  if (outputs_per_channel_ > 0)
    options.groups = static_cast<int>(std::max<std::int64_t>(1, out_channels() / outputs_per_channel_));
  const Tensor bias = bias_ != nullptr ? bias_->value : Tensor();
  const kernels::Conv2dShape shape = ops::conv2d_shape(x, weight_->value, bias, options);
  return ops::conv2d(x, weight_->value, bias, options, execution_.choose(*weight_, shape));
}

void Conv2d::reset_parameters(std::uint64_t seed) { default_init_(*weight_, bias_, seed); }

}  // namespace espalier::nn
