#include "framework/nn/modules/mlp.h"

namespace espalier::nn {

Mlp::Mlp(std::int64_t dim, std::int64_t hidden, double dropout, ops::Gelu gelu) : gelu_(gelu) {
  fc1_ = register_module("fc1", std::make_shared<Linear>(dim, hidden));
  drop1_ = register_module("drop1", std::make_shared<Dropout>(dropout));
  fc2_ = register_module("fc2", std::make_shared<Linear>(hidden, dim));
  drop2_ = register_module("drop2", std::make_shared<Dropout>(dropout));
}

Tensor Mlp::forward(const Tensor& x) {
  const Tensor hidden = (*drop1_)(ops::gelu((*fc1_)(x), gelu_));
  return (*drop2_)((*fc2_)(hidden));
}

}  // namespace espalier::nn
