// Copies between arrays with strides of their own: permute, slice, concat and broadcast, of plain tensors and
// of activations in lanes. One function for every ISA: moving memory needs next to no arithmetic.
#pragma once

#include <cstdint>

#include "kernels/base/element.h"

namespace espalier::kernels {

// What one element is: a number, a vector of 16 lanes, or a number that fills the 16 lanes of a vector.
enum class CopyElement { numbers, vectors, numbers_to_vectors };

//   for all i[d] < size[d]:
//   dst[i0 * dst_stride[0] + i1 * dst_stride[1] + ...] = src[i0 * src_stride[0] + ...]     (+= with add)
//
// Strides count elements; a source stride of 0 repeats. The destinations are all different, and not the
// source.
struct StridedCopy {
  static constexpr int kRank = 6;
  CopyElement element = CopyElement::numbers;
  bool add = false;
  std::int64_t size[kRank] = {1, 1, 1, 1, 1, 1};
  std::int64_t src_stride[kRank] = {};
  std::int64_t dst_stride[kRank] = {};
};

// From f32 to bf16 numbers are rounded to the nearest.
void strided_copy(const StridedCopy& copy, const float* src, float* dst);
void strided_copy(const StridedCopy& copy, const Bf16* src, Bf16* dst);
void strided_copy(const StridedCopy& copy, const float* src, Bf16* dst);

}  // namespace espalier::kernels
