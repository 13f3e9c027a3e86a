#include "framework/optim/sgd.h"

#include "framework/core/error.h"
#include "kernels/update/update.h"

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
  const kernels::SgdParams params = {.lr = static_cast<float>(lr()),
                                     .momentum = static_cast<float>(settings_.momentum),
                                     .weight_decay = static_cast<float>(s.weight_decay),
                                     .gradient_scale = static_cast<float>(s.gradient_scale),
                                     .nesterov = settings_.nesterov,
                                     .decoupled = settings_.decoupled_decay};
  kernels::update().sgd(params, s.count, s.mask, s.gradient, s.weight, s.moments[0]);
}

}  // namespace espalier::optim
