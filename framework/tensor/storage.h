// Memory of tensors, from a caching allocator: a training step frees and asks for the same sizes over and
// over, and fresh pages from the system would cost more than the arithmetic that fills them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
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

  // Any thread may ask; no pointer from before outlives put_away().
  void* data() const {
    if (away_.load(std::memory_order_acquire)) bring_back();
    return data_;
  }
  std::size_t size_bytes() const { return size_bytes_; }

  // Gives the memory up: what it holds is known elsewhere. The next data() takes memory and has it filled by
  // `restore`.
  void put_away(std::function<void(void* data)> restore);
  bool away() const { return away_.load(std::memory_order_acquire); }

 private:
  void bring_back() const;

  mutable void* data_;
  std::size_t size_bytes_;
  mutable std::atomic<bool> away_ = false;
  mutable std::function<void(void*)> restore_;
};

}  // namespace espalier
