// Inputs of the golden comparisons: numbers that PyTorch's side computes alike, so that none are stored.
#pragma once

#include <cstdint>

#include "framework/tensor/tensor.h"

namespace espalier::testing {

// The formula of tests/goldens/pseudo_random.py: uniform in [-1, 1), plain.
inline Tensor pseudo_random(const Shape& shape, std::uint32_t seed) {
  Tensor tensor = Tensor::empty(shape);
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    std::uint32_t x = static_cast<std::uint32_t>(i) * 0x9E3779B1u + seed * 0x85EBCA77u;
    x ^= x >> 15;
    x *= 0x2C1B3C6Du;
    x ^= x >> 12;
    x *= 0x297A2D39u;
    x ^= x >> 15;
    tensor.data()[i] = static_cast<float>(x >> 8) / 8388608.0f - 1.0f;
  }
  return tensor;
}

}  // namespace espalier::testing
