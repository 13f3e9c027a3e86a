#include "framework/tensor/storage.h"

#include <algorithm>
#include <bit>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "framework/core/error.h"
#include "kernels/base/aligned.h"

namespace espalier {
namespace {

// Sizes are rounded up to eighths of a power of two, so that slightly different batches share memory;
// at most 1/8 of it is wasted.
std::size_t size_class(std::size_t size_bytes) {
  if (size_bytes <= 512) return (std::max<std::size_t>(size_bytes, 1) + 63) / 64 * 64;
  const std::size_t unit = std::bit_floor(size_bytes) / 8;
  return (size_bytes + unit - 1) / unit * unit;
}

// What may be in use at most while this thread has an AllocationBudget.
thread_local std::optional<std::size_t> most_bytes;

class CachingAllocator {
 public:
  void* allocate(std::size_t size_bytes) {
    const std::size_t size = size_class(size_bytes);
    const std::lock_guard lock(mutex_);
    if (most_bytes) keep_to_budget(size);
    std::vector<void*>& free = free_[size];
    void* memory = nullptr;
    if (!free.empty()) {
      memory = free.back();
      free.pop_back();
    } else {
      memory = take_from_system(size);
    }
    stats_.in_use_bytes += size;
    stats_.peak_in_use_bytes = std::max(stats_.peak_in_use_bytes, stats_.in_use_bytes);
    return memory;
  }

  void release(void* memory, std::size_t size_bytes) {
    const std::size_t size = size_class(size_bytes);
    const std::lock_guard lock(mutex_);
    stats_.in_use_bytes -= size;
    free_[size].push_back(memory);
  }

  void trim() {
    const std::lock_guard lock(mutex_);
    trim_locked();
  }

  AllocatorStats stats() {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  // What is cached counts too, but only until it is given back.
  void keep_to_budget(std::size_t size) {
    const std::size_t left = *most_bytes - std::min(*most_bytes, stats_.in_use_bytes);
    if (size > left) {
      fail(ErrorKind::integrity, "storage", "{} bytes asked for, where what is read can need {} more at most",
           size, left);
    }
    if (stats_.reserved_bytes + size > *most_bytes) trim_locked();
  }

  void* take_from_system(std::size_t size) {
    void* memory = kernels::aligned_allocate(size);
    if (memory == nullptr) {
      trim_locked();
      memory = kernels::aligned_allocate(size);
    }
    check(memory != nullptr, "storage", "out of memory: {} bytes asked for, {} in use; try a smaller batch",
          size, stats_.in_use_bytes);
    stats_.reserved_bytes += size;
    ++stats_.system_allocations;
    return memory;
  }

  void trim_locked() {
    for (auto& [size, blocks] : free_) {
      for (void* block : blocks) kernels::aligned_free(block);
      stats_.reserved_bytes -= size * blocks.size();
      blocks.clear();
    }
  }

  std::mutex mutex_;
  std::unordered_map<std::size_t, std::vector<void*>> free_;  // size class -> cached blocks
  AllocatorStats stats_;
};

CachingAllocator& allocator() {
  // Never destroyed: tensors in static storage may outlive any static allocator.
  static CachingAllocator* const instance = new CachingAllocator;
  return *instance;
}

}  // namespace

AllocationBudget::AllocationBudget(std::size_t size_bytes) {
  check(!most_bytes, "storage", "a thread has one allocation budget at a time");
  most_bytes = allocator_stats().in_use_bytes + size_bytes;
}

AllocationBudget::~AllocationBudget() { most_bytes.reset(); }

AllocatorStats allocator_stats() { return allocator().stats(); }

void release_cached_memory() { allocator().trim(); }

std::shared_ptr<Storage> Storage::allocate(std::size_t size_bytes) {
  return std::make_shared<Storage>(allocator().allocate(size_bytes), size_bytes);
}

Storage::~Storage() {
  if (!away()) allocator().release(data_, size_bytes_);
}

void Storage::put_away(std::function<void(void*)> restore) {
  check(!away(), "storage", "the memory is away already");
  restore_ = std::move(restore);
  allocator().release(data_, size_bytes_);
  data_ = nullptr;
  away_.store(true, std::memory_order_release);
}

void Storage::bring_back() const {
  static std::mutex mutex;  // threads that share a weight may ask at once
  const std::lock_guard lock(mutex);
  if (!away()) return;
  data_ = allocator().allocate(size_bytes_);
  std::exchange(restore_, nullptr)(data_);
  away_.store(false, std::memory_order_release);
}

}  // namespace espalier
