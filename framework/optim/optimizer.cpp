#include "framework/optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <utility>

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

// Of a slice's weights and gradients.
struct Scratch {
  std::vector<float> weight = std::vector<float>(Slices::kMostElements), gradient = weight;
};

Scratch& scratch() {
  thread_local Scratch scratch;
  return scratch;
}

// Of the weights that an update leaves alone: null where all take part, dormant ones too.
const std::uint8_t* update_mask(const nn::Parameter& parameter) {
  return parameter.dormant.defined() ? nullptr : std::as_const(parameter.mask).data();
}

// The weights that are pruned have no memory at all, and so hold nothing.
bool holds_kept_alone(const nn::Parameter& parameter) {
  return parameter.value.away() && parameter.kept.mask_version == parameter.mask.version();
}

// What the mask prunes moves from `weight` to `dormant`.
void set_aside(std::int64_t count, const std::uint8_t* mask, float* weight, float* dormant) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float w = weight[i];
    weight[i] = mask[i] != 0 ? w : 0.0f;
    dormant[i] = mask[i] != 0 ? 0.0f : w;
  }
}

// The inverse.
void put_back(std::int64_t count, float* weight, float* dormant) {
  for (std::int64_t i = 0; i < count; ++i) weight[i] += std::exchange(dormant[i], 0.0f);
}

}  // namespace

Optimizer::Optimizer(std::vector<nn::Parameter*> parameters, const OptimizerSettings& settings,
                     std::vector<std::string> moment_names)
    : parameters_(std::move(parameters)),
      settings_(settings),
      moment_names_(std::move(moment_names)),
      mask_versions_(parameters_.size()),
      kept_(parameters_.size()),
      laid_out_(parameters_.size()),
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
  const StepInfo info = {steps_, lr_, begin_};
  for (StepHook* hook : hooks_) hook->before_step(info, parameters_);
  if (masks_changed()) enforce_masks();
  follow_kept_values();
  gradient_norm_ = measure_gradient_norm();
  const bool clip = settings_.clip_norm > 0.0 && gradient_norm_ > settings_.clip_norm;
  ++steps_;
  wake_dormant();
  update_all(gradient_scale_ * (clip ? settings_.clip_norm / gradient_norm_ : 1.0));
  bool changed = false;
  for (StepHook* hook : hooks_) changed |= hook->after_step(info, parameters_);
  if (changed) {
    enforce_masks();
  } else {
    rest_dormant();
  }
  ask_for_gradients();
#ifndef NDEBUG
  check_masks();
#endif
}

void Optimizer::begin_at(std::int64_t step) {
  steps_ = begin_ = step;
  ask_for_gradients();
}

void Optimizer::add_hook(StepHook* hook) {
  hooks_.push_back(hook);
  ask_for_gradients();
}

void Optimizer::ask_for_gradients() {
  const bool wanted = std::any_of(hooks_.begin(), hooks_.end(),
                                  [&](const StepHook* hook) { return hook->reads_pruned_gradients(steps_); });
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    parameters_[p]->pruned_gradients = wanted;
    parameters_[p]->takes_kept_gradients = kept_[p].has_value();
  }
}

void Optimizer::follow_kept_values() {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    nn::Parameter& parameter = *parameters_[p];
    const bool follows = kept_[p] && kept_[p]->follow(parameter.kept);
    laid_out_[p] = follows && parameter.value.away();
    if (parameter.kept.has_gradient() && (!follows || parameter.value.grad().defined()))
      parameter.make_gradient_whole();
  }
}

void Optimizer::zero_grad() {
  for (nn::Parameter* parameter : parameters_) parameter->zero_grad();
}

double Optimizer::measure_gradient_norm() {
  slices_.for_each([&](std::size_t s, const SliceOf& where) {
    const nn::Parameter& parameter = *parameters_[where.parameter];
    const std::uint8_t* mask = kept_[where.parameter] ? nullptr : update_mask(parameter);
    if (mask != nullptr) mask += where.begin;
    partial_sums_[s] =
        parameter.has_gradient() ? kernels::update().sum_squares(where.count, mask, gradient_at(where)) : 0.0;
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

template <class Float>
Float* Optimizer::side_by_side(const SliceOf& where, Float* from, bool as_values, float* copy) const {
  const std::optional<KeptPlaces>& kept = kept_[where.parameter];
  if (!kept || (as_values && kept->in_order())) return from + where.begin;
  if (as_values) {
    kept->gather_values(where.begin, where.count, from, copy);
  } else {
    kept->gather(where.begin, where.count, from, copy);
  }
  return copy;
}

const float* Optimizer::gradient_at(const SliceOf& where) const {
  const nn::Parameter& parameter = *parameters_[where.parameter];
  const bool as_values = parameter.kept.has_gradient();
  const Tensor gradient = as_values ? parameter.kept.values.grad() : parameter.value.grad();
  return side_by_side(where, gradient.data(), as_values, scratch().gradient.data());
}

float* Optimizer::weights_at(const SliceOf& where) {
  nn::Parameter& parameter = *parameters_[where.parameter];
  const bool as_values = laid_out_[where.parameter] != 0;
  float* from = as_values ? parameter.kept.values.data() : parameter.value.data();
  return side_by_side(where, from, as_values, scratch().weight.data());
}

std::optional<Optimizer::Slice> Optimizer::open_slice(const SliceOf& where, double gradient_scale) {
  nn::Parameter& parameter = *parameters_[where.parameter];
  if (!parameter.has_gradient()) return std::nullopt;
  Slice slice = {.parameter = where.parameter,
                 .begin = where.begin,
                 .weight = weights_at(where),
                 .gradient = gradient_at(where),
                 .moments = {},
                 .mask = nullptr,
                 .count = where.count,
                 .weight_decay = decays(parameter) ? settings_.weight_decay : 0.0,
                 .gradient_scale = gradient_scale};
  if (!kept_[where.parameter]) {
    const std::uint8_t* mask = update_mask(parameter);
    if (mask != nullptr) slice.mask = mask + where.begin;
  }
  for (std::size_t m = 0; m < moment_names_.size(); ++m) {
    slice.moments[m] = moments_[where.parameter][m].data() + where.begin;
  }
  return slice;
}

void Optimizer::close_slice(const Slice& slice) {
  if (slice.weight != scratch().weight.data()) return;
  nn::Parameter& parameter = *parameters_[slice.parameter];
  const KeptPlaces& kept = *kept_[slice.parameter];
  if (laid_out_[slice.parameter] != 0) {
    kept.scatter_values(slice.begin, slice.count, slice.weight, parameter.kept.values.data());
  } else {
    kept.scatter(slice.begin, slice.count, slice.weight, parameter.value.data());
  }
}

void Optimizer::enforce_masks() {
  check_masks_fit();
  kernels::parallel_for(static_cast<std::int64_t>(parameters_.size()), [&](std::int64_t p) {
    nn::Parameter& parameter = *parameters_[static_cast<std::size_t>(p)];
    if (parameter.mask.dense() || parameter.dormant.defined() || holds_kept_alone(parameter)) return;
    const auto zero_pruned = [&](Tensor& tensor) {
      kernels::update().apply_mask(tensor.numel(), std::as_const(parameter.mask).data(), tensor.data());
    };
    zero_pruned(parameter.value);
    if (kept_[static_cast<std::size_t>(p)]) return;
    for (std::size_t m = 0; m < moment_names_.size(); ++m)
      zero_pruned(moments_[static_cast<std::size_t>(p)][m]);
  });
  hold_moments_where_kept();
  wake_dormant();  // those that rest already
  rest_dormant();
}

void Optimizer::check_masks_fit() const {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const Mask& mask = parameters_[p]->mask;
    mask.check_fits(parameters_[p]->value);
    if (kept_[p]) continue;
    for (std::size_t m = 0; m < moment_names_.size(); ++m) mask.check_fits(moments_[p][m]);
  }
}

bool Optimizer::masks_changed() const {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    if (parameters_[p]->mask.version() != mask_versions_[p]) return true;
  }
  return false;
}

void Optimizer::hold_moments_where_kept() {
  std::vector<std::int64_t> sizes;
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const nn::Parameter& parameter = *parameters_[p];
    std::optional<KeptPlaces> kept;
    if (KeptPlaces::pay(parameter) && !needs_whole(p)) kept.emplace(parameter.mask);
    if (kept || kept_[p]) {
      for (std::size_t m = 0; m < moment_names_.size(); ++m) {
        Tensor whole = whole_moment(p, m);
        if (!parameter.dormant.defined()) parameter.mask.apply_(whole);
        moments_[p][m] = kept ? kept->gather(whole) : whole;
      }
    }
    kept_[p] = std::move(kept);
    mask_versions_[p] = parameter.mask.version();
    sizes.push_back(kept_[p] ? kept_[p]->count() : parameter.value.numel());
  }
  slices_ = Slices(sizes);
  partial_sums_.resize(slices_.all().size());
  ask_for_gradients();
}

Tensor Optimizer::whole_moment(std::size_t parameter, std::size_t moment) const {
  const Tensor& held = moments_[parameter][moment];
  const std::optional<KeptPlaces>& kept = kept_[parameter];
  return kept ? kept->scatter(held, parameters_[parameter]->value.shape()) : held;
}

void Optimizer::wake_dormant() {
  slices_.for_each([&](std::size_t, const SliceOf& slice) {
    nn::Parameter& parameter = *parameters_[slice.parameter];
    if (!parameter.dormant.defined()) return;
    put_back(slice.count, parameter.value.data() + slice.begin, parameter.dormant.data() + slice.begin);
  });
}

void Optimizer::rest_dormant() {
  slices_.for_each([&](std::size_t, const SliceOf& slice) {
    nn::Parameter& parameter = *parameters_[slice.parameter];
    const Mask& mask = parameter.mask;
    if (mask.dense() || !parameter.dormant.defined()) return;
    set_aside(slice.count, mask.data() + slice.begin, parameter.value.data() + slice.begin,
              parameter.dormant.data() + slice.begin);
  });
}

void Optimizer::check_masks() const {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const nn::Parameter& parameter = *parameters_[p];
    check(holds_kept_alone(parameter) || parameter.mask.holds(parameter.value), "optimizer",
          "{} has a pruned weight that is not 0; only an "
          "optimizer or enforce_masks() may write it",
          parameter.name);
    if (parameter.dormant.defined() || kept_[p]) continue;
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
      state.emplace_back(parameters_[p]->name + "." + moment_names_[m], whole_moment(p, m));
    }
  }
  return state;
}

void Optimizer::load_state(const NamedTensors& state, std::int64_t steps) {
  NamedTensors whole = this->state();
  copy_named(state, whole, "optimizer state");
  for (std::size_t p = 0, entry = 0; p < parameters_.size(); ++p) {
    kept_[p].reset();
    for (std::size_t m = 0; m < moment_names_.size(); ++m) moments_[p][m] = whole[entry++].second;
  }
  steps_ = steps;
  hold_moments_where_kept();
}

}  // namespace espalier::optim
