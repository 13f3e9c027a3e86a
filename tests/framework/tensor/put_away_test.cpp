#include <doctest/doctest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "framework/core/error.h"
#include "framework/tensor/tensor.h"

using namespace espalier;

namespace {

std::size_t bytes_in_use() { return allocator_stats().in_use_bytes; }

}  // namespace

TEST_CASE("a tensor that is away takes no memory until someone asks for its elements") {
  const std::size_t before = bytes_in_use();
  Tensor weight = Tensor::full({256, 64}, 1.0f);
  const Tensor view = weight.view({64 * 256});
  const std::size_t whole = bytes_in_use();
  int restored = 0;
  weight.put_away([&](void* elements) {
    std::fill_n(static_cast<float*>(elements), 256 * 64, 2.0f);
    ++restored;
  });
  CHECK(weight.away());
  CHECK(view.away());
  CHECK(bytes_in_use() == before);
  CHECK(weight.shape() == Shape{256, 64});
  CHECK(restored == 0);

  CHECK(view.data()[64 * 256 - 1] == 2.0f);
  CHECK_FALSE(weight.away());
  CHECK(bytes_in_use() == whole);
  weight.data()[0] = 3.0f;
  CHECK(view.data()[0] == 3.0f);
  CHECK(restored == 1);
}

TEST_CASE("a tensor is put away once at a time, and may be for good") {
  Tensor weight = Tensor::zeros({8});
  weight.put_away([](void*) {});
  CHECK_THROWS_AS(weight.put_away([](void*) {}), Error);
  const std::size_t before = bytes_in_use();
  weight = Tensor();
  CHECK(bytes_in_use() == before);
}

TEST_CASE("threads that ask at once for what is away all see it whole") {
  for (int round = 0; round < 20; ++round) {
    Tensor weight = Tensor::empty({1 << 16});
    weight.put_away([](void* elements) { std::fill_n(static_cast<float*>(elements), 1 << 16, 1.0f); });
    std::vector<std::int64_t> ones(4);
    std::vector<std::thread> threads;
    for (std::int64_t& count : ones) {
      threads.emplace_back([&] { count = std::count(weight.data(), weight.data() + (1 << 16), 1.0f); });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(ones == std::vector<std::int64_t>(4, 1 << 16));
  }
}
