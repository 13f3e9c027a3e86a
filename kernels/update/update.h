// The optimizer's step over one parameter: one pass that reads weight, gradient, moments and mask and writes
// weight and moments. Where the mask is 0, weight and moments come out exactly 0, whatever they and the
// gradient were. Arrays are plain and of n floats; mask is n bytes, 0 or 1, null for a dense parameter.
#pragma once

#include <cstdint>

#include "kernels/base/dispatch.h"

namespace espalier::kernels {

// PyTorch's SGD (dampening 0), with g the gradient times gradient_scale:
//   coupled     g += weight_decay * w
//   decoupled   w -= lr * weight_decay * w
//   momentum    m = momentum * m + g;  g = nesterov ? g + momentum * m : m
//   w -= lr * g
struct SgdParams {
  float lr = 0.0f;
  float momentum = 0.0f;
  float weight_decay = 0.0f;
  float gradient_scale = 1.0f;  // below 1 where the gradient's norm is clipped
  bool nesterov = false;
  bool decoupled = false;
};

// Adam (Kingma and Ba, arXiv:1412.6980); decoupled: AdamW (Loshchilov and Hutter, arXiv:1711.05101).
//   m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g^2
//   w -= lr / (1 - beta1^step) * m / (sqrt(v / (1 - beta2^step)) + epsilon)
struct AdamParams {
  float lr = 0.0f;
  double beta1 = 0.9, beta2 = 0.999;  // double: 1 - 0.999f is off by 1e-5 of itself
  float epsilon = 1e-8f;
  float weight_decay = 0.0f;
  float gradient_scale = 1.0f;
  std::int64_t step = 1;  // of this update, from 1
  bool decoupled = true;
};

struct UpdateKernels {
  Isa isa;
  // momentum_buffer may be null when momentum is 0. Zeros before the first step.
  void (*sgd)(const SgdParams& params, std::int64_t n, const std::uint8_t* mask, const float* gradient,
              float* weight, float* momentum_buffer);
  void (*adam)(const AdamParams& params, std::int64_t n, const std::uint8_t* mask, const float* gradient,
               float* weight, float* first_moment, float* second_moment);
  // average = decay * average + (1 - decay) * weight
  void (*ema)(double decay, std::int64_t n, const std::uint8_t* mask, const float* weight, float* average);
  // The sum of gradient^2 where the mask is set: in f32 over blocks of vectors, in double over the blocks. On
  // the calling thread alone; infinite beyond gradients of 1e19.
  double (*sum_squares)(std::int64_t n, const std::uint8_t* mask, const float* gradient);
  // values = mask ? values : 0
  void (*apply_mask)(std::int64_t n, const std::uint8_t* mask, float* values);
};

inline const UpdateKernels& update() { return active_kernels<UpdateKernels>(); }

}  // namespace espalier::kernels
