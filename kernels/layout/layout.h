// Conversion at the borders between row-major data and activations in lanes, and between lanes with padded
// and with compact planes. Shapes: kernels/base/lanes.h; F = T*C*HW is what one image has. Row-major data is
// f32, lanes are f32 or bf16.
#pragma once

#include <cstdint>

#include "kernels/base/dispatch.h"
#include "kernels/base/element.h"
#include "kernels/base/lanes.h"

namespace espalier::kernels {

template <class T = float>
struct LayoutKernels {
  Isa isa;
  // plain [N][F] -> lanes [G][T][C][P][16]. Padding lanes and the padding of planes become zeros.
  void (*to_lanes)(const LaneShape& shape, const float* plain, T* lanes);
  // lanes [G][T][C][P][16] -> plain [N][F]
  void (*from_lanes)(const LaneShape& shape, const T* lanes, float* plain);
  // padded [G][T][C][P][16] -> compact [G][F][16]: flatten before a linear layer.
  void (*compact)(const LaneShape& shape, const T* padded, T* compact);
  // compact [G][F][16] -> padded [G][T][C][P][16]: its backward. The padding of planes becomes zeros.
  void (*expand)(const LaneShape& shape, const T* compact, T* padded);
  // Zeros in the lanes that are no image.
  void (*clear_padding_lanes)(const LaneShape& shape, T* lanes);
};

template <class T = float>
const LayoutKernels<T>& layout() {
  return active_kernels<LayoutKernels<T>>();
}

}  // namespace espalier::kernels
