// Cuts a kernel's scratch memory into arrays. The same function that lays the arrays out in `run` tells
// `scratch_bytes` their size, by laying them out from a null pointer.
#pragma once

#include <cstddef>
#include <cstdint>

namespace espalier::kernels {
namespace {

class ScratchLayout {
 public:
  explicit ScratchLayout(void* memory) : memory_(static_cast<char*>(memory)) {}

  // An uninitialised array, aligned to 64 bytes as the memory is; null when measuring.
  template <class T>
  T* take(std::int64_t count) {
    T* array = memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + bytes_);
    bytes_ += (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return array;
  }

  std::size_t bytes() const { return bytes_; }

 private:
  char* memory_;
  std::size_t bytes_ = 0;
};

}  // namespace
}  // namespace espalier::kernels
