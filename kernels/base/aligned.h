// Memory aligned for vectors and large pages.
#pragma once

#include <cstddef>

namespace espalier::kernels {

inline constexpr std::size_t kCacheLine = 64;

// `size_bytes` of uninitialised memory: aligned to 64 bytes, and from 2 MiB on to 2 MiB with large pages
// asked for, because a training step that walks hundreds of megabytes otherwise spends its time in page
// walks. Null when the system has no more.
void* aligned_allocate(std::size_t size_bytes) noexcept;
void aligned_free(void* memory) noexcept;

}  // namespace espalier::kernels
