// Pooling over the planes of images.
//
//   max      dst[n, c, oh, ow] = max over kh, kw of src[n, c, oh*SH - PH + kh, ow*SW - PW + kw]
//   average  the same with the mean; taps in the padding count as zeros, or not at all
//   global   dst[n, c] = mean over the plane
//
//   src, diff_src [G][C][IH*IW | 1][16]   dst, diff_dst [G][C][OH*OW | 1][16]   (kernels/base/lanes.h)
//   indices       [G][C][OH*OW | 1][16] uint16: the tap kh*KW + kw that won, the first of equals
#pragma once

#include <cstdint>

#include "kernels/base/dispatch.h"
#include "kernels/base/element.h"
#include "kernels/base/lanes.h"

namespace espalier::kernels {

// Every window must touch the plane (2 PH <= KH, 2 PW <= KW), and KH*KW <= 65536.
struct PoolShape {
  std::int64_t N = 0;
  int C = 0, IH = 0, IW = 0;
  int KH = 0, KW = 0;
  int SH = 1, SW = 1;             // stride
  int PH = 0, PW = 0;             // padding on either side
  bool count_include_pad = true;  // average: divide by KH*KW everywhere

  int OH() const { return (IH + 2 * PH - KH) / SH + 1; }
  int OW() const { return (IW + 2 * PW - KW) / SW + 1; }
  LaneShape src() const { return image_lanes(N, C, std::int64_t{IH} * IW); }
  LaneShape dst() const { return image_lanes(N, C, std::int64_t{OH()} * OW()); }
};

template <class T = float>
struct PoolKernels {
  Isa isa;
  // NaN wins over numbers. indices may be null where no backward follows.
  void (*max_fwd)(const PoolShape& shape, const T* src, T* dst, std::uint16_t* indices);
  void (*max_bwd)(const PoolShape& shape, const std::uint16_t* indices, const T* diff_dst, T* diff_src);
  void (*average_fwd)(const PoolShape& shape, const T* src, T* dst);
  void (*average_bwd)(const PoolShape& shape, const T* diff_dst, T* diff_src);
  // src [G][C][P][16] <-> dst [G][C][16], which is also [G][C][1][16]
  void (*global_average_fwd)(const LaneShape& src_shape, const T* src, T* dst);
  void (*global_average_bwd)(const LaneShape& src_shape, const T* diff_dst, T* diff_src);
};

template <class T = float>
const PoolKernels<T>& pool() {
  return active_kernels<PoolKernels<T>>();
}

}  // namespace espalier::kernels
