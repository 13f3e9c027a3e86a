// A tensor as nested loops with strides, for the operations that only move elements.
#pragma once

#include <array>

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// Sizes and strides count numbers of a plain tensor, vectors of one in lanes, whose dimension 0 counts groups
// of 16 images.
struct Strided {
  std::array<std::int64_t, Shape::kMaxRank> size{};
  std::array<std::int64_t, Shape::kMaxRank> stride{};
  std::int64_t width = 1;  // numbers of an element
};

Strided strided(const Shape& shape, Layout layout);

// dst(i) = src(map(i)) over dst's first `rank` sizes, where dimension d of dst runs along a source stride of
// src_stride[d]. Offsets count elements.
struct Move {
  std::array<std::int64_t, Shape::kMaxRank> size{};
  std::array<std::int64_t, Shape::kMaxRank> src_stride{}, dst_stride{};
  std::int64_t src_offset = 0, dst_offset = 0;
  bool add = false;  // to what dst holds
};
// src and dst are of one type, or src is plain f32 and dst lanes of bf16, into which numbers are rounded.
void move_elements(const Move& move, int rank, const Tensor& src, Tensor& dst);

}  // namespace espalier::ops
