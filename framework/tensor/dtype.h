// Element types. Parameters, statistics and sums are f32; activations f32 or bf16, which kernels widen as
// they load; masks are u8, labels and indices i32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/base/element.h"

namespace espalier {

enum class DType : std::uint8_t { f32, bf16, i32, u8 };

constexpr std::size_t size_bytes(DType type) {
  switch (type) {
    case DType::f32:
      return 4;
    case DType::bf16:
      return 2;
    case DType::i32:
      return 4;
    case DType::u8:
      return 1;
  }
  return 0;
}

constexpr std::string_view dtype_name(DType type) {
  switch (type) {
    case DType::f32:
      return "f32";
    case DType::bf16:
      return "bf16";
    case DType::i32:
      return "i32";
    case DType::u8:
      return "u8";
  }
  return "unknown";
}

// What kernels call the elements of an activation, f32 or bf16.
constexpr kernels::Element element_of(DType type) {
  return type == DType::bf16 ? kernels::Element::bf16 : kernels::Element::f32;
}
constexpr DType dtype_of(kernels::Element element) {
  return element == kernels::Element::bf16 ? DType::bf16 : DType::f32;
}

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<kernels::Bf16>() {
  return DType::bf16;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::u8;
}

}  // namespace espalier
