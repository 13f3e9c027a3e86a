// What an element of an activation is in memory. Kernels compute in f32 whatever it is: they widen where they
// load and round where they store. Weights, statistics and sums are f32 throughout.
#pragma once

#include <cstdint>

namespace espalier::kernels {

enum class Element : std::uint8_t { f32, bf16 };

// The upper half of a float: its sign, its exponent and 7 of its 23 bits of mantissa. Activations of bf16 lie
// in lanes as those of f32 do, in half the memory.
struct Bf16 {
  std::uint16_t bits;
};

template <class T>
inline constexpr Element element_of = Element::f32;
template <>
inline constexpr Element element_of<Bf16> = Element::bf16;

// Always inlined: a copy of its own, compiled for one ISA, might be linked for all.
#define ESPALIER_ELEMENT_INLINE inline __attribute__((always_inline))

// To the nearest, ties to even; NaN stays NaN. The same on every ISA.
ESPALIER_ELEMENT_INLINE Bf16 round_to_bf16(float x) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  if (x != x) return {static_cast<std::uint16_t>(bits >> 16 | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
}

ESPALIER_ELEMENT_INLINE float widen(Bf16 x) {
  const std::uint32_t bits = std::uint32_t{x.bits} << 16;
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
ESPALIER_ELEMENT_INLINE float widen(float x) { return x; }

#undef ESPALIER_ELEMENT_INLINE

}  // namespace espalier::kernels
