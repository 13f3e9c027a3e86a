// Functions of two operands: two arrays, an array and a number, activations and a value a channel or a plane.
#pragma once

#include "kernels/base/map.h"
#include "kernels/eltwise/eltwise.h"
#include "kernels/eltwise/unary.h"

namespace espalier::kernels {
namespace {

template <class T>
void add(const T* a, const T* b, T* dst, std::int64_t n) {
  binary(a, b, dst, n, [](Vec x, Vec y) { return x + y; });
}
template <class T>
void sub(const T* a, const T* b, T* dst, std::int64_t n) {
  binary(a, b, dst, n, [](Vec x, Vec y) { return x - y; });
}
template <class T>
void mul(const T* a, const T* b, T* dst, std::int64_t n) {
  binary(a, b, dst, n, [](Vec x, Vec y) { return x * y; });
}
template <class T>
void div(const T* a, const T* b, T* dst, std::int64_t n) {
  binary(a, b, dst, n, [](Vec x, Vec y) { return x / y; });
}
template <class T>
void affine(const T* src, float scale, float shift, T* dst, std::int64_t n) {
  unary(src, dst, n, [=](Vec x) { return fma(broadcast(scale), x, broadcast(shift)); });
}
template <class T>
void accumulate(const T* src, float scale, T* dst, std::int64_t n) {
  binary(src, dst, dst, n, [=](Vec x, Vec y) { return fma(broadcast(scale), x, y); });
}

template <class From, class To>
void convert(const From* src, To* dst, std::int64_t n) {
  map(n, output_for(dst, n, false), [&](const auto& at) { at.set(dst, at.get(src)); });
}

// dst = f(a, other(row)) over the planes of `shape`; a row is one channel's plane of one group.
template <class T, class Other, class Function>
void broadcast_planes(const LaneShape& shape, const T* a, T* dst, const Other& other, const Function& f) {
  const std::int64_t row_floats = shape.P * kLanes;
  const Output output = output_for(dst, shape.floats(), dst == a);
  with_output(output, [&](auto write) {
    for_each_row(
        shape.G() * shape.T * shape.C, row_floats,
        [&](std::int64_t row) {
          const Vec b = other(row);
          const T* from = a + row * row_floats;
          T* to = dst + row * row_floats;
          for (std::int64_t i = 0; i < row_floats; i += kLanes) write(to + i, f(load(from + i), b));
        },
        output);
  });
}

template <class T, class Other>
void binary_broadcast(BinaryOp op, bool swapped, const LaneShape& shape, const T* a, T* dst,
                      const Other& other) {
  switch (op) {
    case BinaryOp::add:
      return broadcast_planes(shape, a, dst, other, [](Vec x, Vec y) { return x + y; });
    case BinaryOp::mul:
      return broadcast_planes(shape, a, dst, other, [](Vec x, Vec y) { return x * y; });
    case BinaryOp::sub:
      if (swapped) return broadcast_planes(shape, a, dst, other, [](Vec x, Vec y) { return y - x; });
      return broadcast_planes(shape, a, dst, other, [](Vec x, Vec y) { return x - y; });
    case BinaryOp::div:
      if (swapped) return broadcast_planes(shape, a, dst, other, [](Vec x, Vec y) { return y / x; });
      return broadcast_planes(shape, a, dst, other, [](Vec x, Vec y) { return x / y; });
  }
}

template <class T>
void binary_channel(BinaryOp op, bool swapped, const LaneShape& shape, const T* a, const float* b, T* dst) {
  binary_broadcast(op, swapped, shape, a, dst,
                   [b, C = shape.C](std::int64_t row) { return broadcast(b[row % C]); });
}
template <class T>
void binary_plane(BinaryOp op, bool swapped, const LaneShape& shape, const T* a, const float* b, T* dst) {
  binary_broadcast(op, swapped, shape, a, dst, [=](std::int64_t row) { return load(b + row * kLanes); });
}

}  // namespace
}  // namespace espalier::kernels
