#include "framework/infer/runtime/memory.h"

#include <cstring>

#include "framework/core/error.h"
#include "kernels/base/aligned.h"

namespace espalier::infer {

Memory::Memory(std::size_t size_bytes)
    : data_(static_cast<std::byte*>(kernels::aligned_allocate(size_bytes))), size_bytes_(size_bytes) {
  check(data_ != nullptr, "infer", "there is no memory for {} bytes; try a smaller batch", size_bytes);
  std::memset(data_.get(), 0, size_bytes);
}

void Memory::Free::operator()(std::byte* memory) const { kernels::aligned_free(memory); }

}  // namespace espalier::infer
