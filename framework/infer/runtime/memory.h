// Memory that is there for the life of a plan.
#pragma once

#include <cstddef>
#include <memory>

namespace espalier::infer {

// Bytes aligned to 64, zeroed. Throws Error when the system has no more.
class Memory {
 public:
  Memory() = default;
  explicit Memory(std::size_t size_bytes);

  std::byte* data() const { return data_.get(); }
  std::size_t size_bytes() const { return size_bytes_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_bytes_ = 0;
};

}  // namespace espalier::infer
