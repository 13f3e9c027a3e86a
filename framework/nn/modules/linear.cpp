#include "framework/nn/modules/linear.h"

#include "framework/core/error.h"
#include "framework/nn/init.h"
#include "framework/ops/linear.h"

namespace espalier::nn {

Linear::Linear(std::int64_t in_features, std::int64_t out_features, const Options& options) {
  check(in_features > 0 && out_features > 0, "Linear", "features are at least 1, got {} -> {}", in_features,
        out_features);
  weight_ = &register_parameter("weight", Tensor::empty({out_features, in_features}), ParameterKind::weight);
  if (options.bias) bias_ = &register_parameter("bias", Tensor::empty({out_features}), ParameterKind::bias);
  Linear::reset_parameters(0);
}

Tensor Linear::forward(const Tensor& x) {
  const Tensor bias = bias_ != nullptr ? bias_->value : Tensor();
  const kernels::LinearShape shape = ops::linear_shape(x, weight_->value, bias);
  return ops::linear(x, weight_->value, bias, execution_.choose(*weight_, shape));
}

void Linear::reset_parameters(std::uint64_t seed) { default_init_(*weight_, bias_, seed); }

}  // namespace espalier::nn
