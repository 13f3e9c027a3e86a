#include "framework/optim/slices.h"

#include <doctest/doctest.h>

#include <atomic>

using espalier::optim::SliceOf;
using espalier::optim::Slices;

TEST_CASE("slices cover every element of every parameter once") {
  const std::vector<std::int64_t> sizes = {3, 16384, 16385, 0, 100000, 1, 1, 64};
  const Slices slices(sizes);
  std::vector<std::vector<std::atomic<int>>> seen;
  for (const std::int64_t size : sizes) seen.emplace_back(static_cast<std::size_t>(size));
  slices.for_each([&](std::size_t, const SliceOf& slice) {
    for (std::int64_t i = 0; i < slice.count; ++i) {
      ++seen[slice.parameter][static_cast<std::size_t>(slice.begin + i)];
    }
  });
  for (const auto& parameter : seen) {
    for (const auto& count : parameter) REQUIRE(count == 1);
  }
}

TEST_CASE("no parameters are no work") {
  Slices({}).for_each([](std::size_t, const SliceOf&) { FAIL("called"); });
}
