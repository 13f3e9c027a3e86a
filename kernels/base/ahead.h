// A pass over an activation asks for its lines some way ahead. The hardware foresees a stream too, but starts
// anew at each page of 4 KiB, and a plane of 16 images is a few pages, with those of other channels behind
// it.
#pragma once

#include <cstdint>

#include "kernels/base/vec.h"

namespace espalier::kernels {
namespace {

template <class T>
ESPALIER_INLINE void prefetch_ahead(const T* p) {
  constexpr std::int64_t kAheadBytes = 4096;
  __builtin_prefetch(reinterpret_cast<const char*>(p) + kAheadBytes);
}

}  // namespace
}  // namespace espalier::kernels
