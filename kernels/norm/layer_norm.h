// Layer norm: the vectors of one token are the features of 16 images at the same place in the sequence, so a
// token is normalised in all of them by vertical sums.
#pragma once

#include "kernels/base/blocked_sum.h"
#include "kernels/base/map.h"
#include "kernels/norm/norm.h"

namespace espalier::kernels {
namespace {

ESPALIER_INLINE Vec value_or(const float* values, std::int64_t c, float otherwise) {
  return broadcast(values != nullptr ? values[c] : otherwise);
}

template <class T>
void layer_norm_fwd(const LaneShape& shape, const LayerNormFwd<T>& args) {
  const std::int64_t C = shape.C;
  const Vec share = broadcast(1.0f / static_cast<float>(C));
  for_each_row(shape.G() * shape.T, C * kLanes, [&](std::int64_t row) {
    const T* x = args.src + row * C * kLanes;
    T* y = args.dst + row * C * kLanes;
    const Vec mean = lane_sum(C, [&](std::int64_t c) { return load(x + c * kLanes); }) * share;
    const Vec variance = lane_sum(C,
                                  [&](std::int64_t c) {
                                    const Vec d = load(x + c * kLanes) - mean;
                                    return d * d;
                                  }) *
                         share;
    const Vec inv_std = broadcast(1.0f) / sqrt(variance + broadcast(args.epsilon));
    store(args.mean + row * kLanes, mean);
    store(args.inv_std + row * kLanes, inv_std);
    for (std::int64_t c = 0; c < C; ++c) {
      const Vec normalised = (load(x + c * kLanes) - mean) * inv_std;
      store(y + c * kLanes, fma(normalised, value_or(args.gamma, c, 1.0f), value_or(args.beta, c, 0.0f)));
    }
  });
}

// dx = inv_std (g - mean(g) - xhat mean(g xhat)),  g = gamma dy,  xhat = (x - mean) inv_std
template <class T>
void layer_norm_bwd(const LaneShape& shape, const LayerNormBwd<T>& args) {
  const std::int64_t C = shape.C, rows = shape.G() * shape.T, parts = layer_norm_parts(shape);
  const Vec share = broadcast(1.0f / static_cast<float>(C));
  parallel_for(parts, [&](std::int64_t part) {
    float* gamma_sums = args.scratch + part * 2 * C * kLanes;  // [C][16] of dy * xhat
    float* beta_sums = gamma_sums + C * kLanes;                // [C][16] of dy
    for (std::int64_t i = 0; i < 2 * C * kLanes; i += kLanes) store(gamma_sums + i, zero());
    for (std::int64_t row = rows * part / parts; row < rows * (part + 1) / parts; ++row) {
      const T* x = args.src + row * C * kLanes;
      const T* dy = args.diff_dst + row * C * kLanes;
      T* dx = args.diff_src + row * C * kLanes;
      const Vec mean = load(args.mean + row * kLanes), inv_std = load(args.inv_std + row * kLanes);
      Vec sum_g = zero(), sum_g_xhat = zero();
      for (std::int64_t i = 0; i < C * kLanes; i += kLanes) {
        const Vec d = load(dy + i), xhat = (load(x + i) - mean) * inv_std;
        store(gamma_sums + i, fma(d, xhat, load(gamma_sums + i)));
        store(beta_sums + i, load(beta_sums + i) + d);
        const Vec g = d * value_or(args.gamma, i / kLanes, 1.0f);
        sum_g += g;
        sum_g_xhat = fma(g, xhat, sum_g_xhat);
      }
      sum_g = sum_g * share;
      sum_g_xhat = sum_g_xhat * share;
      for (std::int64_t i = 0; i < C * kLanes; i += kLanes) {
        const Vec xhat = (load(x + i) - mean) * inv_std;
        const Vec g = load(dy + i) * value_or(args.gamma, i / kLanes, 1.0f);
        store(dx + i, inv_std * (fnma(xhat, sum_g_xhat, g) - sum_g));
      }
    }
  });
  for (std::int64_t c = 0; c < C; ++c) {
    double diff_gamma = 0.0, diff_beta = 0.0;
    for (std::int64_t part = 0; part < parts; ++part) {
      const float* gamma_sums = args.scratch + (part * 2 * C + c) * kLanes;
      diff_gamma += static_cast<double>(sum(load(gamma_sums)));
      diff_beta += static_cast<double>(sum(load(gamma_sums + C * kLanes)));
    }
    if (args.diff_gamma != nullptr) args.diff_gamma[c] = static_cast<float>(diff_gamma);
    if (args.diff_beta != nullptr) args.diff_beta[c] = static_cast<float>(diff_beta);
  }
}

}  // namespace
}  // namespace espalier::kernels
