#include "kernels/base/aligned.h"

#include <cstdint>
#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace espalier::kernels {
namespace {

constexpr std::size_t kLargePage = std::size_t{2} << 20;

constexpr std::size_t round_up(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

}  // namespace

void* aligned_allocate(std::size_t size_bytes) noexcept {
  const bool large = size_bytes >= kLargePage;
  const std::size_t alignment = large ? kLargePage : kCacheLine;
  if (size_bytes > SIZE_MAX - alignment) return nullptr;
  const std::size_t rounded = round_up(size_bytes == 0 ? 1 : size_bytes, alignment);
  void* memory = std::aligned_alloc(alignment, rounded);
#if defined(__linux__)
  if (memory != nullptr && large) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
  return memory;
}

void aligned_free(void* memory) noexcept { std::free(memory); }

}  // namespace espalier::kernels
