// The layout of activations: one lane, one image. A vector holds the same element of 16 images.
//
//   logical [N, C, H, W]  ->  stored [G][C][P][16]   G = groups(N), P = plane_vectors(H * W)
//   logical [N, T, C]     ->  stored [G][T][C][16]
//   logical [N, F]        ->  stored [G][F][16]
//
// Planes of H*W vectors are padded to an odd number of vectors: a power-of-two stride between channels
// would map them all to the same cache sets (measured: 76 instead of 292 GFLOP/s).
//
// When N is no multiple of 16 the last group has padding lanes. They hold finite values in
// activations and zeros in gradients, so sums over the batch of gradient x value need no mask;
// every other sum over the batch must leave them out.
#pragma once

#include <cstdint>

namespace espalier::kernels {

inline constexpr int kLanes = 16;

inline constexpr std::int64_t groups(std::int64_t n) { return (n + kLanes - 1) / kLanes; }

// Vectors from one channel's plane to the next: pixels rounded up to odd.
inline constexpr std::int64_t plane_vectors(std::int64_t pixels) { return pixels | 1; }

// Images in group g of a batch of n: 16, or fewer in the last.
inline constexpr int lanes_in_group(std::int64_t n, std::int64_t g) {
  const std::int64_t left = n - g * kLanes;
  return left < kLanes ? static_cast<int>(left) : kLanes;
}

// Activations as the kernels walk them: [G][T][C][P][16], of which the first HW of P vectors count.
// Images have T = 1; tokens and features have HW = P = 1.
struct LaneShape {
  std::int64_t N = 0;
  std::int64_t T = 1, C = 1, HW = 1, P = 1;

  std::int64_t G() const { return groups(N); }
  std::int64_t floats() const { return G() * T * C * P * kLanes; }
  // Where element (t, c, p) of image n stands.
  std::int64_t at(std::int64_t n, std::int64_t t, std::int64_t c, std::int64_t p) const {
    return ((((n / kLanes) * T + t) * C + c) * P + p) * kLanes + n % kLanes;
  }
};

inline LaneShape image_lanes(std::int64_t n, std::int64_t c, std::int64_t pixels) {
  return {n, 1, c, pixels, plane_vectors(pixels)};
}
inline LaneShape token_lanes(std::int64_t n, std::int64_t t, std::int64_t c) { return {n, t, c, 1, 1}; }

}  // namespace espalier::kernels
