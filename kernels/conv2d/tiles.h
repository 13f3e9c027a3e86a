// Convolution on matrix tiles (kernels/tiles) as rows of kernels.inc: activations of bf16, one group.
#pragma once

#include "kernels/conv2d/bias_gradient.h"
#include "kernels/conv2d/row.h"
#include "kernels/tiles/gather.h"
#include "kernels/tiles/weights.h"

namespace espalier::kernels {
namespace {

inline TileShape tile_shape(const Conv2dShape& s) {
  const auto planes = [](int channels, int rows, int columns) {
    const std::int64_t plane = plane_vectors(std::int64_t{rows} * columns) * kLanes;
    return TilePlanes{channels, rows, columns, channels * plane, plane, std::int64_t{columns} * kLanes,
                      kLanes};
  };
  return {groups(s.N), planes(s.IC, s.IH, s.IW), planes(s.OC, s.OH(), s.OW()), s.KH, s.KW, s.SH, s.SW, s.PH,
          s.PW};
}

inline bool whole_bf16(const Conv2dShape& s) { return s.element == Element::bf16 && s.groups == 1; }
inline bool tiles_gather_back(const Conv2dShape& s) {
  return whole_bf16(s) && tile_axis_fits(true, s.SH) && tile_axis_fits(true, s.SW);
}
inline bool tiles_sum_weights(const Conv2dShape& s) { return whole_bf16(s) && tile_weights_fit(s.KH, s.KW); }

template <bool backward>
std::size_t conv2d_gather_scratch_bytes(const Conv2dShape& s) {
  return gather_on_tiles_scratch_bytes(plan_tile_gather(tile_shape(s), backward));
}

// Planes of an even number of pixels end in a vector of padding.
inline void zero_padding_vectors(const TilePlanes& planes, std::int64_t images, Bf16* activation) {
  if (planes.rows * planes.columns % 2 != 0) return;
  for (std::int64_t plane = 1; plane <= images * planes.channels; ++plane) {
    store(activation + plane * planes.channel - kLanes, zero());
  }
}

inline void tiles_forward(const Conv2dShape& s, const Conv2dArgs& args) {
  const TileGather p = plan_tile_gather(tile_shape(s), false);
  auto* dst = static_cast<Bf16*>(args.dst);
  gather_on_tiles(p, static_cast<const Bf16*>(args.src), args.weights, args.bias, false, dst, args.scratch);
  zero_padding_vectors(p.out, p.images, dst);
}

inline void tiles_backward_data(const Conv2dShape& s, const Conv2dArgs& args) {
  const TileGather p = plan_tile_gather(tile_shape(s), true);
  auto* diff_src = static_cast<Bf16*>(args.diff_src);
  gather_on_tiles(p, static_cast<const Bf16*>(args.diff_dst), args.weights, nullptr, args.accumulate,
                  diff_src, args.scratch);
  zero_padding_vectors(p.out, p.images, diff_src);
}

inline std::size_t conv2d_weights_scratch_bytes(const Conv2dShape& s) {
  return weights_on_tiles_scratch_bytes(plan_tile_weights(tile_shape(s)));
}

inline void tiles_backward_weights(const Conv2dShape& s, const Conv2dArgs& args) {
  weights_on_tiles(plan_tile_weights(tile_shape(s)), static_cast<const Bf16*>(args.src),
                   static_cast<const Bf16*>(args.diff_dst), args.diff_weights, args.scratch);
  bias_gradient<Bf16>(s, args);
}

}  // namespace
}  // namespace espalier::kernels

#define ESPALIER_TILE_KERNELS(isa)                                                                        \
  ESPALIER_CONV2D_KERNEL(conv2d_fwd_bf16_tiles, isa, forward, whole_bf16,                                 \
                         conv2d_gather_scratch_bytes<false>, tiles_forward);                              \
  ESPALIER_CONV2D_KERNEL(conv2d_bwd_data_bf16_tiles, isa, backward_data, tiles_gather_back,               \
                         conv2d_gather_scratch_bytes<true>, tiles_backward_data, nullptr, nullptr, true); \
  ESPALIER_CONV2D_KERNEL(conv2d_bwd_weights_bf16_tiles, isa, backward_weights, tiles_sum_weights,         \
                         conv2d_weights_scratch_bytes, tiles_backward_weights)
