#include "framework/optim/optimizer.h"

#include <algorithm>
#include <cmath>

#include "framework/core/error.h"
#include "kernels/update/update.h"

namespace espalier::optim {

void OptimizerSettings::fields(FieldVisitor& v) {
  v.field("lr", lr, "learning rate, which the schedule multiplies", {0.0, 1e6});
  v.field("weight_decay", weight_decay, "weight decay", {0.0, 1e6});
  v.field("decay_norm_and_bias", decay_norm_and_bias, "do biases and the parameters of norms decay too?");
  v.field("clip_norm", clip_norm, "largest global norm of the gradients; 0: no clipping", {0.0, 1e12});
}

namespace {

std::vector<std::int64_t> sizes_of(const std::vector<nn::Parameter*>& parameters) {
  std::vector<std::int64_t> sizes;
  for (const nn::Parameter* parameter : parameters) sizes.push_back(parameter->value.numel());
  return sizes;
}

}  // namespace

Optimizer::Optimizer(std::vector<nn::Parameter*> parameters, const OptimizerSettings& settings,
                     std::vector<std::string> moment_names)
    : parameters_(std::move(parameters)),
      settings_(settings),
      moment_names_(std::move(moment_names)),
      slices_(sizes_of(parameters_)),
      partial_sums_(slices_.all().size()),
      lr_(settings.lr) {
  for (const nn::Parameter* parameter : parameters_) {
    std::array<Tensor, kMaxMoments> moments;
    for (std::size_t m = 0; m < moment_names_.size(); ++m)
      moments[m] = Tensor::zeros(parameter->value.shape());
    moments_.push_back(std::move(moments));
  }
  ask_for_gradients();
}

void Optimizer::step() {
  const StepInfo info = {steps_, lr_};
  for (StepHook* hook : hooks_) hook->before_step(info, parameters_);
  gradient_norm_ = measure_gradient_norm();
  const bool clip = settings_.clip_norm > 0.0 && gradient_norm_ > settings_.clip_norm;
  ++steps_;
  update_all(gradient_scale_ * (clip ? settings_.clip_norm / gradient_norm_ : 1.0));
  bool masks_changed = false;
  for (StepHook* hook : hooks_) masks_changed |= hook->after_step(info, parameters_);
  if (masks_changed) enforce_masks();
  ask_for_gradients();
#ifndef NDEBUG
  check_masks();
#endif
}

void Optimizer::add_hook(StepHook* hook) {
  hooks_.push_back(hook);
  ask_for_gradients();
}

void Optimizer::ask_for_gradients() {
  const bool wanted = std::any_of(hooks_.begin(), hooks_.end(),
                                  [&](const StepHook* hook) { return hook->reads_pruned_gradients(steps_); });
  for (nn::Parameter* parameter : parameters_) parameter->pruned_gradients = wanted;
}

void Optimizer::zero_grad() {
  for (nn::Parameter* parameter : parameters_) parameter->value.set_grad({});
}

double Optimizer::measure_gradient_norm() {
  slices_.for_each([&](std::size_t i, const SliceOf& slice) {
    const nn::Parameter& parameter = *parameters_[slice.parameter];
    const Tensor gradient = parameter.grad();
    const std::uint8_t* mask = parameter.mask.dense() ? nullptr : parameter.mask.data() + slice.begin;
    partial_sums_[i] = gradient.defined()
                           ? kernels::update().sum_squares(slice.count, mask, gradient.data() + slice.begin)
                           : 0.0;
  });
  double sum = 0.0;
  for (std::size_t i = 0; i < partial_sums_.size(); ++i) {
    if (!std::isfinite(partial_sums_[i])) {
      fail(ErrorKind::not_finite, "optimizer",
           "step {}: the gradient of {} is not finite; no weight was changed; try a lower learning rate, "
           "warm-up or clip_norm",
           steps_, parameters_[slices_.all()[i].parameter]->name);
    }
    sum += partial_sums_[i];
  }
  return std::abs(gradient_scale_) * std::sqrt(sum);
}

bool Optimizer::decays(const nn::Parameter& parameter) const {
  return settings_.decay_norm_and_bias || parameter.kind == nn::ParameterKind::weight;
}

void Optimizer::update_all(double gradient_scale) {
  for_each_slice(gradient_scale, [&](const Slice& slice) { update(slice); });
}

std::optional<Optimizer::Slice> Optimizer::slice_at(const SliceOf& where, double gradient_scale) {
  nn::Parameter& parameter = *parameters_[where.parameter];
  const Tensor gradient = parameter.grad();
  if (!gradient.defined()) return std::nullopt;
  const Mask& mask = parameter.mask;
  Slice slice = {.parameter = where.parameter,
                 .begin = where.begin,
                 .weight = parameter.value.data() + where.begin,
                 .gradient = gradient.data() + where.begin,
                 .moments = {},
                 .mask = mask.dense() ? nullptr : mask.data() + where.begin,
                 .count = where.count,
                 .weight_decay = decays(parameter) ? settings_.weight_decay : 0.0,
                 .gradient_scale = gradient_scale};
  for (std::size_t m = 0; m < moment_names_.size(); ++m) {
    slice.moments[m] = moments_[where.parameter][m].data() + where.begin;
  }
  return slice;
}

void Optimizer::enforce_masks() {
  slices_.for_each([&](std::size_t, const SliceOf& slice) {
    nn::Parameter& parameter = *parameters_[slice.parameter];
    const Mask& mask = parameter.mask;
    if (mask.dense()) return;
    const auto zero_pruned = [&](Tensor& tensor) {
      kernels::update().apply_mask(slice.count, mask.data() + slice.begin, tensor.data() + slice.begin);
    };
    zero_pruned(parameter.value);
    for (std::size_t m = 0; m < moment_names_.size(); ++m) zero_pruned(moments_[slice.parameter][m]);
  });
}

void Optimizer::check_masks() const {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const nn::Parameter& parameter = *parameters_[p];
    check(parameter.mask.holds(parameter.value), "optimizer",
          "{} has a pruned weight that is not 0; only an "
          "optimizer or enforce_masks() may write it",
          parameter.name);
    for (std::size_t m = 0; m < moment_names_.size(); ++m) {
      check(parameter.mask.holds(moments_[p][m]), "optimizer",
            "{}.{} is not 0 for a pruned weight; call "
            "enforce_masks() after changing a mask",
            parameter.name, moment_names_[m]);
    }
  }
}

NamedTensors Optimizer::state() const {
  NamedTensors state;
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    for (std::size_t m = 0; m < moment_names_.size(); ++m) {
      state.emplace_back(parameters_[p]->name + "." + moment_names_[m], moments_[p][m]);
    }
  }
  return state;
}

void Optimizer::load_state(const NamedTensors& state, std::int64_t steps) {
  copy_named(state, this->state(), "optimizer state");
  steps_ = steps;
  ask_for_gradients();
}

}  // namespace espalier::optim
