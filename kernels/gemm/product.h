// What a register block multiplies: scalars that are broadcast, by vectors of activations.
//
//   Scalar       what one broadcast takes: a float, or two bf16
//   Vector       what it meets: 16 lanes of as much
//   kChannels    channels that one step of a sum over channels takes in
//   kLaneSteps   steps of a sum over the 16 images of a vector
#pragma once

#include "kernels/base/pairs.h"
#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

struct F32Product {
  using Element = float;
  using Scalar = float;
  using Vector = Vec;
  static constexpr int kChannels = 1;
  static constexpr int kLaneSteps = 16;

  // A step of the sum over channels at p; the channel after is `next` elements further.
  static ESPALIER_INLINE Vec load_channels(const float* p, std::int64_t) { return load(p); }
  static ESPALIER_INLINE Vec load_vector(const float* p) { return load(p); }
  static ESPALIER_INLINE void store_vector(float* p, Vec a) { store(p, a); }
  // What step i of the sum over the images of a vector broadcasts.
  static ESPALIER_INLINE float lane_step(const float* vector, int i) { return vector[i]; }
  static ESPALIER_INLINE Vec multiply_add(Vec a, Vec b, Vec c) { return fma(a, b, c); }
  static ESPALIER_INLINE Vec total(Vec a) { return a; }
  // What one step of a sum takes, from f32: over channels, and over the 16 lanes of a vector.
  static ESPALIER_INLINE void store_step(float* p, const Vec (&values)[1]) { store(p, values[0]); }
  static ESPALIER_INLINE void store_lanes(float* p, Vec values) { store(p, values); }
};

struct Bf16Product {
  using Element = Bf16;
  using Scalar = Pair;
  using Vector = Pairs;
  static constexpr int kChannels = 2;
  static constexpr int kLaneSteps = 8;

  static ESPALIER_INLINE Pairs load_channels(const Bf16* p, std::int64_t next) { return zip(p, p + next); }
  static ESPALIER_INLINE Pairs load_vector(const Pair* p) { return load_pairs(p); }
  static ESPALIER_INLINE void store_vector(Pair* p, Pairs a) { store_pairs(p, a); }
  static ESPALIER_INLINE Pair lane_step(const Bf16* vector, int i) {
    Pair pair;
    __builtin_memcpy(&pair, vector + 2 * i, sizeof pair);
    return pair;
  }
  static ESPALIER_INLINE Vec multiply_add(Pairs a, Pairs b, Vec c) { return dot(a, b, c); }
  // What a vector adds to a plain sum.
  static ESPALIER_INLINE Vec total(Pairs a) { return even(a) + odd(a); }
  static ESPALIER_INLINE void store_step(Pair* p, const Vec (&values)[2]) {
    store_pairs(p, round_to_pairs(values[0], values[1]));
  }
  static ESPALIER_INLINE void store_lanes(Pair* p, Vec values) { store_neighbours(p, values); }
};

}  // namespace
}  // namespace espalier::kernels
