// Elementwise functions over contiguous arrays. Activations in lanes are contiguous too, the
// padding of their planes included, so one loop serves both kinds of tensor. n counts elements.
//
// exp, log, sqrt and div may turn the finite values of padding lanes into infinities and NaN, and their
// gradients likewise: follow them with layout().clear_padding_lanes where N is no multiple of 16.
#pragma once

#include <cstdint>

#include "kernels/base/dispatch.h"
#include "kernels/base/element.h"
#include "kernels/base/lanes.h"

namespace espalier::kernels {

// The numbers that dropout draws: element i of call `key` keeps its value when a Philox 4x32-10 stream
// (Salmon et al., SC 2011) says so. The same key gives the same mask, so backward stores none.
struct DropoutParams {
  std::uint64_t key = 0;     // seed, layer and step, mixed by the caller
  float probability = 0.5f;  // of an element to be dropped, 0 <= p < 1
};

enum class BinaryOp { add, sub, mul, div };

// One row of dispatch: the family compiled for one ISA and one type of element. dst may be one of the inputs.
template <class T = float>
struct EltwiseKernels {
  Isa isa;

  // Forward: dst = f(src). Backward: diff_src = f'(src) * diff_dst, from the tensor that gives it cheapest:
  // `dst` where the first argument is called so, else `src`.

  // max(x, 0); NaN stays NaN. The gradient at 0 is 0.
  void (*relu_fwd)(const T* src, T* dst, std::int64_t n);
  void (*relu_bwd)(const T* dst, const T* diff_dst, T* diff_src, std::int64_t n);
  // x * Phi(x), Phi the normal distribution function  (Hendrycks and Gimpel, arXiv:1606.08415)
  void (*gelu_fwd)(const T* src, T* dst, std::int64_t n);
  void (*gelu_bwd)(const T* src, const T* diff_dst, T* diff_src, std::int64_t n);
  // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  void (*gelu_tanh_fwd)(const T* src, T* dst, std::int64_t n);
  void (*gelu_tanh_bwd)(const T* src, const T* diff_dst, T* diff_src, std::int64_t n);
  void (*exp_fwd)(const T* src, T* dst, std::int64_t n);
  void (*exp_bwd)(const T* dst, const T* diff_dst, T* diff_src, std::int64_t n);
  void (*log_fwd)(const T* src, T* dst, std::int64_t n);
  void (*log_bwd)(const T* src, const T* diff_dst, T* diff_src, std::int64_t n);
  void (*sqrt_fwd)(const T* src, T* dst, std::int64_t n);
  void (*sqrt_bwd)(const T* dst, const T* diff_dst, T* diff_src, std::int64_t n);
  // 1 / (1 + e^-x)
  void (*sigmoid_fwd)(const T* src, T* dst, std::int64_t n);
  void (*sigmoid_bwd)(const T* dst, const T* diff_dst, T* diff_src, std::int64_t n);
  void (*tanh_fwd)(const T* src, T* dst, std::int64_t n);
  void (*tanh_bwd)(const T* dst, const T* diff_dst, T* diff_src, std::int64_t n);
  // 2/sqrt(pi) * the integral from 0 to x of e^(-t^2) dt
  void (*erf_fwd)(const T* src, T* dst, std::int64_t n);
  void (*erf_bwd)(const T* src, const T* diff_dst, T* diff_src, std::int64_t n);

  // dst = a op b
  void (*add)(const T* a, const T* b, T* dst, std::int64_t n);
  void (*sub)(const T* a, const T* b, T* dst, std::int64_t n);
  void (*mul)(const T* a, const T* b, T* dst, std::int64_t n);
  void (*div)(const T* a, const T* b, T* dst, std::int64_t n);
  // dst = scale * src + shift
  void (*affine)(const T* src, float scale, float shift, T* dst, std::int64_t n);
  // dst += scale * src
  void (*accumulate)(const T* src, float scale, T* dst, std::int64_t n);

  // dst = src, to f32 and from f32, where what T cannot hold is rounded to the nearest. dst is another array.
  void (*widen)(const T* src, float* dst, std::int64_t n);
  void (*round)(const float* src, T* dst, std::int64_t n);

  // dst[g, t, c, p] = a[g, t, c, p] op b[c]: activations with a plain parameter a channel or feature, b [C].
  // `swapped`: b op a. A parameter [T, C] over tokens is one with T = 1 and T*C channels.
  void (*binary_channel)(BinaryOp op, bool swapped, const LaneShape& shape, const T* a, const float* b,
                         T* dst);
  // dst[g, t, c, p] = a[g, t, c, p] op b[g, t, c]: b [G][T][C][16], of f32, has one value a plane of each
  // image.
  void (*binary_plane)(BinaryOp op, bool swapped, const LaneShape& shape, const T* a, const float* b, T* dst);

  // dst = kept ? src / (1 - p) : 0. It is its own backward: diff_src = dropout(diff_dst) with the same
  // params.
  void (*dropout)(const T* src, T* dst, std::int64_t n, const DropoutParams& params);
};

template <class T = float>
const EltwiseKernels<T>& eltwise() {
  return active_kernels<EltwiseKernels<T>>();
}

}  // namespace espalier::kernels
