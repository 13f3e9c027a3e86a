#include "framework/nn/modules/layer_norm.h"

#include "framework/ops/layer_norm.h"

namespace espalier::nn {

LayerNorm::LayerNorm(std::int64_t features, double eps)
    : eps_(eps),
      weight_(register_parameter("weight", Tensor::empty({features}), ParameterKind::norm)),
      bias_(register_parameter("bias", Tensor::empty({features}), ParameterKind::norm)) {
  LayerNorm::reset_parameters(0);
}

Tensor LayerNorm::forward(const Tensor& x) {
  return ops::layer_norm(x, weight_.value, bias_.value, static_cast<float>(eps_));
}

void LayerNorm::reset_parameters(std::uint64_t) {
  weight_.value.fill_(1.0f);
  bias_.value.zero_();
}

}  // namespace espalier::nn
