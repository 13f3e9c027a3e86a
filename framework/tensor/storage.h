// Memory of tensors, from a caching allocator: a training step frees and asks for the same sizes over and
// over, and fresh pages from the system would cost more than the arithmetic that fills them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace espalier {

struct AllocatorStats {
  std::size_t in_use_bytes = 0;       // held by live tensors
  std::size_t peak_in_use_bytes = 0;  // the most so far
  std::size_t reserved_bytes = 0;     // taken from the system: in use and cached
  std::uint64_t system_allocations = 0;
};

AllocatorStats allocator_stats();

// Gives all cached memory that no tensor holds back to the system.
void release_cached_memory();

// While it lives, the tensors that its thread allocates may add up to so many bytes; beyond that Storage
// throws Error (integrity). For what is built after a file's description: a lie there must not exhaust the
// machine.
class AllocationBudget {
 public:
  explicit AllocationBudget(std::size_t size_bytes);
  ~AllocationBudget();
  AllocationBudget(const AllocationBudget&) = delete;
  AllocationBudget& operator=(const AllocationBudget&) = delete;
};

class Storage {
 public:
  // Uninitialised memory, aligned to 64 bytes (2 MiB when large). Throws Error when there is no more.
  static std::shared_ptr<Storage> allocate(std::size_t size_bytes);

  Storage(void* data, std::size_t size_bytes) : data_(data), size_bytes_(size_bytes) {}
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void* data() const { return data_; }
  std::size_t size_bytes() const { return size_bytes_; }

 private:
  void* data_;
  std::size_t size_bytes_;
};

}  // namespace espalier
