// Compiled once per ISA (kernels/kernels.cmake).
#include "kernels/base/blocked_sum.h"
#include "kernels/base/map.h"
#include "kernels/update/update.h"

namespace espalier::kernels {
namespace {

// Passes values on where the mask is set and makes them zero elsewhere, NaN included. Dense parameters have
// no mask to read.
struct Masked {
  const std::uint8_t* mask;
  template <class At>
  auto of(const At& at) const {
    const Mask16 kept = at.get_mask(mask);
    return [kept](Vec value) { return select(kept, value, zero()); };
  }
};
struct Dense {
  template <class At>
  auto of(const At&) const {
    return [](Vec value) { return value; };
  }
};

template <class Body>
void with_mask(const std::uint8_t* mask, const Body& body) {
  if (mask != nullptr) {
    body(Masked{mask});
  } else {
    body(Dense{});
  }
}

// All terms of a step, with those that are switched off as zeros: the pass is bound by memory, not by them.
template <class Kept>
void sgd_with(const SgdParams& params, std::int64_t n, const Kept& kept, const float* gradient, float* weight,
              float* momentum_buffer) {
  const Vec lr = broadcast(params.lr), momentum = broadcast(params.momentum),
            scale = broadcast(params.gradient_scale);
  const Vec coupled = broadcast(params.decoupled ? 0.0f : params.weight_decay);
  const Vec shrink = broadcast(params.decoupled ? 1.0f - params.lr * params.weight_decay : 1.0f);
  const bool nesterov = params.nesterov;
  map(n, Output::cached, [&](const auto& at) {
    const auto keep = kept.of(at);
    Vec w = at.get(weight);
    Vec g = fma(coupled, w, at.get(gradient) * scale);
    if (momentum_buffer != nullptr) {
      const Vec m = fma(momentum, at.get(momentum_buffer), g);
      at.set(momentum_buffer, keep(m));
      g = nesterov ? fma(momentum, m, g) : m;
    }
    w = fnma(lr, g, w * shrink);
    at.set(weight, keep(w));
  });
}

void sgd(const SgdParams& params, std::int64_t n, const std::uint8_t* mask, const float* gradient,
         float* weight, float* momentum_buffer) {
  with_mask(mask, [&](const auto& kept) { sgd_with(params, n, kept, gradient, weight, momentum_buffer); });
}

double power(double base, std::int64_t exponent) {
  double result = 1.0;
  for (; exponent > 0; exponent >>= 1, base *= base) {
    if (exponent & 1) result *= base;
  }
  return result;
}

template <class Kept>
void adam_with(const AdamParams& params, std::int64_t n, const Kept& kept, const float* gradient,
               float* weight, float* first_moment, float* second_moment) {
  const double correction1 = 1.0 - power(params.beta1, params.step);
  const double correction2 = 1.0 - power(params.beta2, params.step);
  const Vec step_size = broadcast(static_cast<float>(params.lr / correction1));
  const Vec root_scale = broadcast(static_cast<float>(1.0 / __builtin_sqrt(correction2)));
  const Vec beta1 = broadcast(static_cast<float>(params.beta1)),
            beta2 = broadcast(static_cast<float>(params.beta2));
  const Vec rest1 = broadcast(static_cast<float>(1.0 - params.beta1));
  const Vec rest2 = broadcast(static_cast<float>(1.0 - params.beta2));
  const Vec epsilon = broadcast(params.epsilon), scale = broadcast(params.gradient_scale);
  const Vec coupled = broadcast(params.decoupled ? 0.0f : params.weight_decay);
  const Vec shrink = broadcast(params.decoupled ? 1.0f - params.lr * params.weight_decay : 1.0f);
  map(n, Output::cached, [&](const auto& at) {
    const auto keep = kept.of(at);
    Vec w = at.get(weight);
    const Vec g = fma(coupled, w, at.get(gradient) * scale);
    const Vec m = fma(beta1, at.get(first_moment), rest1 * g);
    const Vec v = fma(beta2, at.get(second_moment), rest2 * g * g);
    w = fnma(step_size, m / fma(sqrt(v), root_scale, epsilon), w * shrink);
    at.set(first_moment, keep(m));
    at.set(second_moment, keep(v));
    at.set(weight, keep(w));
  });
}

void adam(const AdamParams& params, std::int64_t n, const std::uint8_t* mask, const float* gradient,
          float* weight, float* first_moment, float* second_moment) {
  with_mask(mask, [&](const auto& kept) {
    adam_with(params, n, kept, gradient, weight, first_moment, second_moment);
  });
}

void ema(double decay, std::int64_t n, const std::uint8_t* mask, const float* weight, float* average) {
  const Vec old = broadcast(static_cast<float>(decay)), fresh = broadcast(static_cast<float>(1.0 - decay));
  with_mask(mask, [&](const auto& kept) {
    map(n, Output::cached, [&](const auto& at) {
      const auto keep = kept.of(at);
      at.set(average, keep(fma(old, at.get(average), fresh * at.get(weight))));
    });
  });
}

double sum_squares(std::int64_t n, const std::uint8_t* mask, const float* gradient) {
  BlockedSums<1> sums;
  with_mask(mask, [&](const auto& kept) {
    const auto square_at = [&](const auto& at, Vec(&value)[1]) {
      const Vec g = kept.of(at)(at.get(gradient));
      value[0] = g * g;
    };
    sums.add(n / kLanes,
             [&](std::int64_t p, Vec(&value)[1]) { square_at(WholeVector<WriteCached>{p * kLanes}, value); });
    const int rest = static_cast<int>(n % kLanes);
    if (rest != 0) {
      sums.add(1, [&](std::int64_t, Vec(&value)[1]) { square_at(LastVector{n - rest, rest}, value); });
    }
  });
  return sums.total(0);
}

void apply_mask(std::int64_t n, const std::uint8_t* mask, float* values) {
  with_mask(mask, [&](const auto& kept) {
    map(n, Output::cached, [&](const auto& at) { at.set(values, kept.of(at)(at.get(values))); });
  });
}

}  // namespace

template <>
const UpdateKernels& kernels_for<UpdateKernels, kCompiledIsa>() {
  static constexpr UpdateKernels kernels = {
      .isa = kCompiledIsa,
      .sgd = sgd,
      .adam = adam,
      .ema = ema,
      .sum_squares = sum_squares,
      .apply_mask = apply_mask,
  };
  return kernels;
}

}  // namespace espalier::kernels
