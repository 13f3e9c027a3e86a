#include "framework/optim/adamw.h"

#include "framework/core/error.h"
#include "kernels/update/update.h"

namespace espalier::optim {

void AdamWSettings::fields(FieldVisitor& v) {
  OptimizerSettings::fields(v);
  v.field("beta1", beta1, "decay of the running mean of gradients", {0.0, 1.0});
  v.field("beta2", beta2, "decay of the running mean of squared gradients", {0.0, 1.0});
  v.field("eps", eps, "added to the root, against division by zero", {0.0, 1.0});
  v.field("decoupled_decay", decoupled_decay, "decay weights directly instead of through the gradient?");
}

AdamWSettings adamw_defaults() { return {{.lr = 1e-3, .weight_decay = 1e-2}}; }

AdamWSettings adam_defaults() {
  AdamWSettings settings = {{.lr = 1e-3}};
  settings.decoupled_decay = false;
  return settings;
}

AdamW::AdamW(std::vector<nn::Parameter*> parameters, const AdamWSettings& settings)
    : Optimizer(std::move(parameters), settings, {"exp_avg", "exp_avg_sq"}), settings_(settings) {
  // At 1 a mean never moves, and 1 - beta^t, which it is divided by, is 0.
  if (settings.beta1 >= 1.0 || settings.beta2 >= 1.0) {
    fail(ErrorKind::usage, "adamw", "beta1 and beta2 expect values below 1, got {} and {}", settings.beta1,
         settings.beta2);
  }
}

void AdamW::update(const Slice& s) const {
  const kernels::AdamParams params = {.lr = static_cast<float>(lr()),
                                      .beta1 = settings_.beta1,
                                      .beta2 = settings_.beta2,
                                      .epsilon = static_cast<float>(settings_.eps),
                                      .weight_decay = static_cast<float>(s.weight_decay),
                                      .gradient_scale = static_cast<float>(s.gradient_scale),
                                      .step = steps_of_moments(),
                                      .decoupled = settings_.decoupled_decay};
  kernels::update().adam(params, s.count, s.mask, s.gradient, s.weight, s.moments[0], s.moments[1]);
}

}  // namespace espalier::optim
