#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "framework/tensor/storage.h"

namespace espalier {

TEST_CASE("within an allocation budget what was freed may be taken again, and no more than the budget") {
  constexpr std::size_t kBytes = 1 << 20;
  const auto before = Storage::allocate(kBytes);  // does not count
  const AllocationBudget budget(2 * kBytes);
  for (int i = 0; i < 5; ++i) Storage::allocate(kBytes);
  const auto one = Storage::allocate(kBytes);
  const auto two = Storage::allocate(kBytes);
  try {
    Storage::allocate(kBytes);
    FAIL("the budget was not kept");
  } catch (const Error& error) { CHECK(error.kind() == ErrorKind::integrity); }
  CHECK_THROWS_AS(Storage::allocate(std::size_t{1} << 62), Error);
}

TEST_CASE("an allocation budget bounds what is taken from the system, cached memory and all") {
  constexpr std::size_t kBytes = 8 << 20;
  release_cached_memory();
  const std::size_t before = allocator_stats().in_use_bytes;
  const AllocationBudget budget(kBytes);
  for (std::size_t size = kBytes; size > kBytes / 2; size -= kBytes / 8)
    Storage::allocate(size);  // a class each
  CHECK(allocator_stats().reserved_bytes - before <= kBytes);
}

}  // namespace espalier
