// What tests of compiled inference share: small random networks, and the model itself as the truth.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "framework/autograd/node.h"
#include "framework/infer/plan.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/batch_norm2d.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/tensor/lanes.h"
#include "tests/support/gradient_check.h"

namespace espalier::testing {

// Statistics as training leaves them, and scales of either sign, some of them zero.
inline void randomise_norms(nn::Module& model, std::uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  for (nn::Buffer* buffer : model.buffers()) {
    const bool variance = buffer->name.ends_with("running_var");
    for (std::int64_t i = 0; i < buffer->value.numel(); ++i) {
      buffer->value.data()[i] = variance ? 1.0f + 0.5f * uniform(engine) : 0.3f * uniform(engine);
    }
  }
  for (nn::Parameter* parameter : model.parameters()) {
    if (parameter->kind != nn::ParameterKind::norm) continue;
    const bool scale = parameter->name.ends_with("weight");
    for (std::int64_t i = 0; i < parameter->value.numel(); ++i) {
      const float value = uniform(engine);
      parameter->value.data()[i] = scale ? (i % 7 == 3     ? 0.0f
                                            : value < 0.0f ? value - 0.3f
                                                           : value + 0.5f)
                                         : 0.2f * value;
    }
  }
}

// Keeps a random part of every convolution's weights; in blocks of 4x4 channels at one tap if asked for.
inline void prune_convolutions(nn::Module& model, double density, bool blocks, std::uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  for (nn::Parameter* parameter : model.parameters()) {
    const Shape& shape = parameter->value.shape();
    if (shape.rank() != 4) continue;
    const std::int64_t taps = shape[2] * shape[3], side = blocks ? 4 : 1;
    const std::int64_t inputs = (shape[1] + side - 1) / side, outputs = (shape[0] + side - 1) / side;
    std::vector<bool> kept(static_cast<std::size_t>(outputs * inputs * taps));
    for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = uniform(engine) < density;
    parameter->mask = Mask::ones(shape);
    for (std::int64_t i = 0; i < shape.numel(); ++i) {
      const std::int64_t oc = i / taps / shape[1], ic = i / taps % shape[1], tap = i % taps;
      const std::int64_t block = (oc / side * inputs + ic / side) * taps + tap;
      parameter->mask.data()[i] = kept[static_cast<std::size_t>(block)] ? 1 : 0;
    }
    parameter->mask.apply_(parameter->value);
  }
}

inline std::vector<float> model_logits(nn::Module& model, const Tensor& images) {
  const NoGrad off;
  model.eval();
  return from_lanes(model(to_lanes(images))).to_vector();
}

inline std::vector<float> plan_logits(infer::Plan& plan, const Tensor& images) {
  std::vector<float> logits(
      static_cast<std::size_t>(plan.executor().batch() * plan.executor().result_floats()), NAN);
  plan.run({images.data(), static_cast<std::size_t>(images.numel())}, logits);
  return logits;
}

// The largest difference, in epsilons of the largest value. Infinite where one is NaN.
inline double error_in_epsilons(const std::vector<float>& got, const std::vector<float>& expected) {
  double worst = 0.0, largest = 0.0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::fabs(static_cast<double>(got[i]) - expected[i]);
    if (!(error <= worst)) worst = std::isnan(error) ? HUGE_VAL : error;
    largest = std::max(largest, std::fabs(static_cast<double>(expected[i])));
  }
  return worst / (largest * 1.1920929e-7 + 1e-30);
}

// Folding a norm rounds every weight once more, and another kernel adds in another order: some epsilons of
// the sums of each layer. Winograd on either side has seven times the error. A wrong tap or halo is 10^5
// times more.
inline constexpr double kLogitEpsilons = 300.0;

}  // namespace espalier::testing
