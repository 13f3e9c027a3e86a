#include "framework/nn/modules/batch_norm2d.h"

#include "framework/ops/batch_norm.h"

namespace espalier::nn {

BatchNorm2d::BatchNorm2d(std::int64_t channels, const Options& options)
    : options_(options),
      weight_(register_parameter("weight", Tensor::empty({channels}), ParameterKind::norm)),
      bias_(register_parameter("bias", Tensor::empty({channels}), ParameterKind::norm)),
      running_mean_(register_buffer("running_mean", Tensor::empty({channels}))),
      running_var_(register_buffer("running_var", Tensor::empty({channels}))) {
  BatchNorm2d::reset_parameters(0);
}

Tensor BatchNorm2d::forward(const Tensor& x) { return normalise(x, false, {}); }

Tensor BatchNorm2d::forward_relu(const Tensor& x, const Tensor& residual) {
  return call(x, [&] { return normalise(x, true, residual); });
}

Tensor BatchNorm2d::normalise(const Tensor& x, bool relu, const Tensor& residual) {
  const ops::BatchNormOptions options = {.training = is_training(),
                                         .momentum = static_cast<float>(options_.momentum),
                                         .eps = static_cast<float>(options_.eps),
                                         .relu = relu};
  return ops::batch_norm(x, weight_.value, bias_.value, running_mean_.value, running_var_.value, options,
                         residual);
}

void BatchNorm2d::reset_parameters(std::uint64_t) {
  weight_.value.fill_(1.0f);
  bias_.value.zero_();
  running_mean_.value.zero_();
  running_var_.value.fill_(1.0f);
}

}  // namespace espalier::nn
