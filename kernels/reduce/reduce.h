// Sums, maxima and counts. Added in a fixed order by shape, in f32 over blocks of some 128 vectors and in
// double over the blocks, so a sum of millions of values is as good as one of hundreds.
//
// Functions over plain arrays take n elements; those over activations take a LaneShape (kernels/base/lanes.h)
// and leave out padding lanes and the padding of planes. What leaves the lanes is f32, whatever was summed.
#pragma once

#include <cstdint>

#include "kernels/base/dispatch.h"
#include "kernels/base/element.h"
#include "kernels/base/lanes.h"

namespace espalier::kernels {

template <class T = float>
struct ReduceKernels {
  Isa isa;

  double (*sum)(const T* x, std::int64_t n);
  double (*sum_squares)(const T* x, std::int64_t n);
  // The largest |x|; NaN if there is one.
  float (*max_abs)(const T* x, std::int64_t n);
  // How many are infinite or NaN.
  std::int64_t (*count_nonfinite)(const T* x, std::int64_t n);

  // The same over activations x [G][T][C][P][16].
  double (*lanes_sum)(const LaneShape& shape, const T* x);
  std::int64_t (*lanes_count_nonfinite)(const LaneShape& shape, const T* x);

  // dst[c] = sum over images, t and pixels of x[g, t, c, p]: the gradient of a bias.
  void (*channel_sum)(const LaneShape& shape, const T* x, float* dst);
  // dst[c] = sum of a * b likewise: the gradient of a scale.
  void (*channel_dot)(const LaneShape& shape, const T* a, const T* b, float* dst);
  // dst[g, t, c] = sum over pixels of x[g, t, c, p], dst [G][T][C][16].
  void (*plane_sum)(const LaneShape& shape, const T* x, T* dst);
  // dst[g, t, c] = sum over pixels of a * b.
  void (*plane_dot)(const LaneShape& shape, const T* a, const T* b, T* dst);
  // x [outer][R][inner] -> dst [outer][inner], any sizes: an axis of plain parameters or of activations.
  void (*axis_sum)(std::int64_t outer, std::int64_t R, std::int64_t inner, const T* x, T* dst);
};

template <class T = float>
const ReduceKernels<T>& reduce() {
  return active_kernels<ReduceKernels<T>>();
}

}  // namespace espalier::kernels
