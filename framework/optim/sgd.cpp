#include "framework/optim/sgd.h"

#include "framework/core/error.h"

namespace espalier::optim {

void SgdSettings::fields(FieldVisitor& v) {
  OptimizerSettings::fields(v);
  v.field("momentum", momentum, "momentum of the gradient", {0.0, 1.0});
  v.field("nesterov", nesterov, "look ahead along the momentum?");
  v.field("decoupled_decay", decoupled_decay, "decay weights directly instead of through the gradient?");
}

Sgd::Sgd(std::vector<nn::Parameter*> parameters, const SgdSettings& settings)
    : Optimizer(std::move(parameters), settings, {"momentum"}), settings_(settings) {
  if (settings.nesterov && settings.momentum <= 0.0) {
    fail(ErrorKind::usage, "sgd", "nesterov needs momentum above 0, got {}", settings.momentum);
  }
}

void Sgd::update(const Slice& s) const {
  const auto lr_now = static_cast<float>(lr()), momentum = static_cast<float>(settings_.momentum);
  const auto scale = static_cast<float>(s.gradient_scale), decay = static_cast<float>(s.weight_decay);
  float* velocity = s.moments[0];
  for (std::int64_t i = 0; i < s.count; ++i) {
    if (s.mask != nullptr && s.mask[i] == 0) {
      s.weight[i] = velocity[i] = 0.0f;
      continue;
    }
    float g = scale * s.gradient[i], w = s.weight[i];
    if (settings_.decoupled_decay) {
      w -= lr_now * decay * w;
    } else {
      g += decay * w;
    }
    velocity[i] = momentum * velocity[i] + g;
    s.weight[i] = w - lr_now * (settings_.nesterov ? g + momentum * velocity[i] : velocity[i]);
  }
}

}  // namespace espalier::optim
