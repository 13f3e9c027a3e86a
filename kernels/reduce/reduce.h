// Sums, maxima and counts. Added in a fixed order by shape, in f32 over blocks of at most 128 vectors and in
// double over the blocks, so a sum of millions of values is as good as one of hundreds.
//
// Functions over plain arrays take n floats; those over activations take a LaneShape (kernels/base/lanes.h)
// and leave out padding lanes and the padding of planes.
#pragma once

#include <cstdint>

#include "kernels/base/dispatch.h"
#include "kernels/base/lanes.h"

namespace espalier::kernels {

struct ReduceKernels {
  Isa isa;

  double (*sum)(const float* x, std::int64_t n);
  double (*sum_squares)(const float* x, std::int64_t n);
  // The largest |x|; NaN if there is one.
  float (*max_abs)(const float* x, std::int64_t n);
  // How many are infinite or NaN.
  std::int64_t (*count_nonfinite)(const float* x, std::int64_t n);

  // The same over activations x [G][T][C][P][16].
  double (*lanes_sum)(const LaneShape& shape, const float* x);
  std::int64_t (*lanes_count_nonfinite)(const LaneShape& shape, const float* x);

  // dst[c] = sum over images, t and pixels of x[g, t, c, p]: the gradient of a bias.
  void (*channel_sum)(const LaneShape& shape, const float* x, float* dst);
  // dst[c] = sum of a * b likewise: the gradient of a scale.
  void (*channel_dot)(const LaneShape& shape, const float* a, const float* b, float* dst);
  // dst[g, t, c] = sum over pixels of x[g, t, c, p], dst [G][T][C][16].
  void (*plane_sum)(const LaneShape& shape, const float* x, float* dst);
  // dst[g, t, c] = sum over pixels of a * b.
  void (*plane_dot)(const LaneShape& shape, const float* a, const float* b, float* dst);
  // x [outer][R][inner] -> dst [outer][inner], any sizes: an axis of plain parameters or of activations.
  void (*axis_sum)(std::int64_t outer, std::int64_t R, std::int64_t inner, const float* x, float* dst);
};

inline const ReduceKernels& reduce() { return active_kernels<ReduceKernels>(); }

}  // namespace espalier::kernels
