// Linear layers over activations of bf16 on matrix tiles (kernels/tiles): convolutions of 1x1 over the
// tokens.
#pragma once

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/token_bias_gradient.h"
#include "kernels/tiles/gather.h"
#include "kernels/tiles/weights.h"

namespace espalier::kernels {
namespace {

// The tokens as planes of so many columns.
inline TileShape tile_shape(std::int64_t images, int tokens, int IC, int OC, int columns) {
  const auto planes = [&](int channels) {
    const std::int64_t token = std::int64_t{channels} * kLanes;
    return TilePlanes{channels, tokens / columns, columns, tokens * token, kLanes, columns * token, token};
  };
  return {images, planes(IC), planes(OC), 1, 1, 1, 1, 0, 0};
}

// Strips of rows: a token each.
inline TileGather plan_linear_gather(const LinearShape& s, bool backward) {
  return plan_tile_gather(tile_shape(groups(s.N), s.T, s.IC, s.OC, 1), backward);
}

// A step takes in two neighbouring columns.
inline TileWeights plan_linear_weights(const LinearShape& s) {
  return plan_tile_weights(tile_shape(groups(s.N), s.T, s.IC, s.OC, s.T % 2 == 0 ? 2 : s.T));
}

inline std::size_t linear_tiles_scratch_bytes(const LinearShape& s) {
  std::size_t most = weights_on_tiles_scratch_bytes(plan_linear_weights(s));
  for (bool backward : {false, true}) {
    const std::size_t bytes = gather_on_tiles_scratch_bytes(plan_linear_gather(s, backward));
    if (bytes > most) most = bytes;
  }
  return most;
}

inline void linear_tiles_fwd(const LinearShape& s, const Bf16* src, const float* weights, const float* bias,
                             Bf16* dst, void* scratch) {
  gather_on_tiles(plan_linear_gather(s, false), src, weights, bias, false, dst, scratch);
}

inline void linear_tiles_bwd_data(const LinearShape& s, const Bf16* diff_dst, const float* weights,
                                  Bf16* diff_src, void* scratch) {
  gather_on_tiles(plan_linear_gather(s, true), diff_dst, weights, nullptr, false, diff_src, scratch);
}

inline void linear_tiles_bwd_weights(const LinearShape& s, const Bf16* src, const Bf16* diff_dst,
                                     float* diff_weights, float* diff_bias, void* scratch) {
  weights_on_tiles(plan_linear_weights(s), src, diff_dst, diff_weights, scratch);
  token_bias_gradient(s, diff_dst, diff_bias);
}

constexpr LinearBf16Kernels linear_tiles_kernels(Isa isa) {
  return {.isa = isa,
          .scratch_bytes = linear_tiles_scratch_bytes,
          .fwd = linear_tiles_fwd,
          .bwd_data = linear_tiles_bwd_data,
          .bwd_weights = linear_tiles_bwd_weights};
}

}  // namespace
}  // namespace espalier::kernels
