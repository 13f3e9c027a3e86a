// Which outputs of convolutions are streamed past the caches.
#pragma once

#include <cstdint>

#include "kernels/base/element.h"

namespace espalier::kernels {
namespace {

// An output beyond the caches: fetching the lines first, to write them, would double the traffic. Not of bf16,
// whose vectors are half a line: that costs more past the caches than a whole one.
template <class T>
constexpr bool goes_past_caches(std::int64_t elements) {
  constexpr std::int64_t kBytes = 8 << 20;
  return element_of<T> == Element::f32 && elements * static_cast<std::int64_t>(sizeof(T)) > kBytes;
}

}  // namespace
}  // namespace espalier::kernels
