// Batch norm over the channels of images and layer norm over the features of tokens, forward and backward,
// batch norm with the ReLU and the residual sum that follow it in the same pass:
//
//   batch norm   dst = [relu] (gamma[c] * (src - mean[c]) * inv_std[c] + beta[c] [+ residual])
//   layer norm   dst = gamma[c] * (src - mean[n, t]) * inv_std[n, t] + beta[c]
//   (Ioffe and Szegedy, arXiv:1502.03167; Ba, Kiros and Hinton, arXiv:1607.06450)
//
//   inv_std = 1 / sqrt(variance + epsilon), variance biased (divided by the count).
//
// Buffers called src, residual, dst, diff_* without a shape are activations [G][T][C][P][16]
// (kernels/base/lanes.h), f32 or bf16; batch norm takes T = 1, layer norm HW = P = 1. gamma and beta are [C];
// null: ones and zeros.
#pragma once

#include <cstdint>

#include "kernels/base/dispatch.h"
#include "kernels/base/element.h"
#include "kernels/base/lanes.h"

namespace espalier::kernels {

template <class T = float>
struct BatchNormFwd {
  const T* src = nullptr;
  const float* gamma = nullptr;
  const float* beta = nullptr;
  const T* residual = nullptr;  // null: none
  bool relu = false;
  float epsilon = 1e-5f;
  T* dst = nullptr;  // may be src or residual
  // [C] each. Training writes all three; inference reads mean and variance and writes inv_std.
  float* mean = nullptr;
  float* variance = nullptr;  // unbiased in training (what running statistics take in); as given in inference
  float* inv_std = nullptr;
};

template <class T = float>
struct BatchNormBwd {
  const T* src = nullptr;
  const float* gamma = nullptr;
  const float* beta = nullptr;     // for relu with dst null
  const float* mean = nullptr;     // [C]
  const float* inv_std = nullptr;  // [C]
  bool batch_statistics = true;    // forward was training; false: mean and inv_std were constants
  bool relu = false;
  // What forward returned, for relu: gradients pass where it is positive. Null where no residual was added:
  // then its sign is computed again from src, which saves the reading.
  const T* dst = nullptr;
  const T* diff_dst = nullptr;
  T* diff_src = nullptr;        // may be diff_dst
  T* diff_residual = nullptr;   // null: none was added
  float* diff_gamma = nullptr;  // [C]; null: not wanted
  float* diff_beta = nullptr;   // [C]; null: not wanted
};

template <class T = float>
struct LayerNormFwd {
  const T* src = nullptr;
  const float* gamma = nullptr;
  const float* beta = nullptr;
  float epsilon = 1e-5f;
  T* dst = nullptr;          // may be src
  float* mean = nullptr;     // [G][T][16]
  float* inv_std = nullptr;  // [G][T][16]
};

template <class T = float>
struct LayerNormBwd {
  const T* src = nullptr;
  const float* gamma = nullptr;
  const float* mean = nullptr;     // [G][T][16]
  const float* inv_std = nullptr;  // [G][T][16]
  const T* diff_dst = nullptr;
  T* diff_src = nullptr;        // may be diff_dst
  float* diff_gamma = nullptr;  // [C]; null: not wanted
  float* diff_beta = nullptr;   // [C]; null: not wanted
  float* scratch = nullptr;     // layer_norm_bwd_scratch_floats(shape)
};

// Layer norm's backward sums diff_gamma and diff_beta in this many parts.
inline std::int64_t layer_norm_parts(const LaneShape& shape) {
  const std::int64_t rows = shape.G() * shape.T;
  return rows < 32 ? rows : 32;
}
inline std::int64_t layer_norm_bwd_scratch_floats(const LaneShape& shape) {
  return layer_norm_parts(shape) * 2 * shape.C * kLanes;
}

template <class T = float>
struct NormKernels {
  Isa isa;
  void (*batch_norm_fwd_training)(const LaneShape& shape, const BatchNormFwd<T>& args);
  void (*batch_norm_fwd_inference)(const LaneShape& shape, const BatchNormFwd<T>& args);
  void (*batch_norm_bwd)(const LaneShape& shape, const BatchNormBwd<T>& args);
  void (*layer_norm_fwd)(const LaneShape& shape, const LayerNormFwd<T>& args);
  void (*layer_norm_bwd)(const LaneShape& shape, const LayerNormBwd<T>& args);
};

template <class T = float>
const NormKernels<T>& norm() {
  return active_kernels<NormKernels<T>>();
}

}  // namespace espalier::kernels
