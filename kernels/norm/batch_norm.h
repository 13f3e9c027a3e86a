// Batch norm: a task is a channel. Its values, 512 KiB at 32x32 and batch 128, stay in the L2 cache between
// the pass that sums them and the pass that uses the sums, so memory sees each tensor once.
#pragma once

#include "kernels/base/ahead.h"
#include "kernels/base/map.h"
#include "kernels/norm/moments.h"
#include "kernels/norm/norm.h"

namespace espalier::kernels {
namespace {

// A run-time switch as a type, so that a loop is compiled for each of its values.
template <bool value>
struct Switch {
  static constexpr bool on = value;
};
template <class Body>
ESPALIER_INLINE void with_switch(bool on, const Body& body) {
  if (on) {
    body(Switch<true>{});
  } else {
    body(Switch<false>{});
  }
}

// What normalising one channel needs: (x - mean) * scale + beta
struct ChannelScale {
  Vec mean, scale, beta;
  ESPALIER_INLINE Vec operator()(Vec x) const { return fma(x - mean, scale, beta); }
};
ChannelScale channel_scale(float mean, float inv_std, const float* gamma, const float* beta, std::int64_t c) {
  const float g = gamma != nullptr ? gamma[c] : 1.0f;
  return {broadcast(mean), broadcast(g * inv_std), broadcast(beta != nullptr ? beta[c] : 0.0f)};
}

// body(where a plane of channel c starts, images of its group) for each group
template <class Body>
ESPALIER_INLINE void for_each_group(const LaneShape& shape, std::int64_t c, const Body& body) {
  for (std::int64_t g = 0; g < shape.G(); ++g) {
    body((g * shape.C + c) * shape.P * kLanes, lanes_in_group(shape.N, g));
  }
}

template <bool relu, bool residual, class T, class Write>
void normalise_channel(Write write, const LaneShape& shape, const BatchNormFwd<T>& args,
                       const ChannelScale& normalised, std::int64_t c) {
  for_each_group(shape, c, [&](std::int64_t plane, int) {
    for (std::int64_t i = plane; i < plane + shape.HW * kLanes; i += kLanes) {
      Vec y = normalised(load(args.src + i));
      if constexpr (residual) {
        prefetch_ahead(args.residual + i);
        y += load(args.residual + i);
      }
      if constexpr (relu) y = max(zero(), y);
      write(args.dst + i, y);
    }
  });
}

template <class T>
void normalise(const LaneShape& shape, const BatchNormFwd<T>& args, const ChannelScale& normalised,
               std::int64_t c) {
  const bool in_place = args.dst == args.src || args.dst == args.residual;
  with_output(output_for(args.dst, shape.floats(), in_place), [&](auto write) {
    with_switch(args.relu, [&](auto relu) {
      with_switch(args.residual != nullptr, [&](auto residual) {
        normalise_channel<decltype(relu)::on, decltype(residual)::on>(write, shape, args, normalised, c);
      });
    });
  });
  stream_fence();
}

float inverse_deviation(double variance, float epsilon) {
  return static_cast<float>(1.0 / __builtin_sqrt(variance + static_cast<double>(epsilon)));
}

template <class T>
void batch_norm_fwd_training(const LaneShape& shape, const BatchNormFwd<T>& args) {
  const double count = static_cast<double>(shape.N * shape.HW);
  parallel_for(shape.C, [&](std::int64_t c) {
    Moments moments;
    for_each_group(shape, c,
                   [&](std::int64_t plane, int images) { moments.add(args.src + plane, shape.HW, images); });
    const double squares = moments.squares();
    args.mean[c] = static_cast<float>(moments.mean());
    args.inv_std[c] = inverse_deviation(squares / count, args.epsilon);
    args.variance[c] = static_cast<float>(squares / (count > 1.0 ? count - 1.0 : 1.0));
    normalise(shape, args, channel_scale(args.mean[c], args.inv_std[c], args.gamma, args.beta, c), c);
  });
}

template <class T>
void batch_norm_fwd_inference(const LaneShape& shape, const BatchNormFwd<T>& args) {
  parallel_for(shape.C, [&](std::int64_t c) {
    args.inv_std[c] = inverse_deviation(static_cast<double>(args.variance[c]), args.epsilon);
    normalise(shape, args, channel_scale(args.mean[c], args.inv_std[c], args.gamma, args.beta, c), c);
  });
}

// Where the gradient behind the ReLU comes through.
enum class Gate { open, by_dst, by_src };

// The gradient dy of the normalised value at element i, and x - mean there.
template <Gate gate, class T>
struct ChannelGradient {
  const BatchNormBwd<T>& args;
  ChannelScale normalised;

  ESPALIER_INLINE void prefetch(std::int64_t i) const {
    prefetch_ahead(args.src + i);
    prefetch_ahead(args.diff_dst + i);
    if constexpr (gate == Gate::by_dst) prefetch_ahead(args.dst + i);
  }
  ESPALIER_INLINE Vec centred(std::int64_t i) const { return load(args.src + i) - normalised.mean; }
  ESPALIER_INLINE Vec gradient(std::int64_t i, Vec centred_x) const {
    const Vec dy = load(args.diff_dst + i);
    if constexpr (gate == Gate::by_dst) return select(greater(load(args.dst + i), zero()), dy, zero());
    if constexpr (gate == Gate::by_src) {
      // The same operations as forward's, so the same bits.
      return select(greater(fma(centred_x, normalised.scale, normalised.beta), zero()), dy, zero());
    }
    return dy;
  }
};

// dx = scale * (dy - factor * (x - mean) - offset)
struct GradientTerms {
  Vec scale, factor, offset;
};

template <bool residual, Gate gate, class T, class Write>
void channel_diff_src(Write write, const LaneShape& shape, const BatchNormBwd<T>& args,
                      const ChannelGradient<gate, T>& channel, const GradientTerms& terms, std::int64_t c) {
  for_each_group(shape, c, [&](std::int64_t plane, int images) {
    const Mask16 counted = first_lanes(images);
    for (std::int64_t i = plane; i < plane + shape.HW * kLanes; i += kLanes) {
      const Vec x = channel.centred(i), dy = channel.gradient(i, x);
      const Vec dx = terms.scale * (fnma(terms.factor, x, dy) - terms.offset);
      write(args.diff_src + i, select(counted, dx, zero()));
      if constexpr (residual) write(args.diff_residual + i, dy);
    }
  });
}

template <Gate gate, class T>
void batch_norm_bwd_gated(const LaneShape& shape, const BatchNormBwd<T>& args) {
  const double count = static_cast<double>(shape.N * shape.HW);
  const bool residual = args.diff_residual != nullptr;
  // diff_residual streams only along with diff_src: one loop writes both.
  const bool in_place = args.diff_src == args.diff_dst;
  Output output = output_for(args.diff_src, shape.floats(), in_place);
  if (residual && output_for(args.diff_residual, shape.floats(), false) == Output::cached)
    output = Output::cached;
  parallel_for(shape.C, [&](std::int64_t c) {
    const float inv_std = args.inv_std[c];
    const ChannelGradient<gate, T> channel = {args,
                                              channel_scale(args.mean[c], inv_std, args.gamma, args.beta, c)};
    // sum of dy and of dy * (x - mean); dy is zero in padding lanes
    BlockedSums<2> sums;
    for_each_group(shape, c, [&](std::int64_t plane, int) {
      sums.add(shape.HW, [&](std::int64_t p, Vec(&values)[2]) {
        const std::int64_t i = plane + p * kLanes;
        channel.prefetch(i);
        const Vec x = channel.centred(i);
        values[0] = channel.gradient(i, x);
        values[1] = values[0] * x;
      });
    });
    const double sum_dy = sums.total(0), sum_dy_x = sums.total(1);
    if (args.diff_beta != nullptr) args.diff_beta[c] = static_cast<float>(sum_dy);
    if (args.diff_gamma != nullptr) args.diff_gamma[c] = static_cast<float>(sum_dy_x * inv_std);

    // dx = gamma inv_std (dy - mean(dy) - xhat mean(dy xhat)); constants have no gradient, so only the first
    // term stays.
    GradientTerms terms = {channel.normalised.scale, zero(), zero()};
    if (args.batch_statistics) {
      const double inverse_variance = static_cast<double>(inv_std) * inv_std;
      terms.factor = broadcast(static_cast<float>(sum_dy_x * inverse_variance / count));
      terms.offset = broadcast(static_cast<float>(sum_dy / count));
    }
    with_output(output, [&](auto write) {
      with_switch(residual, [&](auto residual_switch) {
        channel_diff_src<decltype(residual_switch)::on>(write, shape, args, channel, terms, c);
      });
    });
    stream_fence();
  });
}

template <class T>
void batch_norm_bwd(const LaneShape& shape, const BatchNormBwd<T>& args) {
  if (!args.relu) return batch_norm_bwd_gated<Gate::open>(shape, args);
  if (args.dst != nullptr) return batch_norm_bwd_gated<Gate::by_dst>(shape, args);
  return batch_norm_bwd_gated<Gate::by_src>(shape, args);
}

}  // namespace
}  // namespace espalier::kernels
