// Counts the calls of operator new in this program: a plan's run makes none.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "framework/nn/modules/sequential.h"
#include "framework/tensor/storage.h"
#include "tests/framework/infer/infer_support.h"

namespace {
std::atomic<long> g_allocations{0};
}

void* operator new(std::size_t size) {
  ++g_allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++g_allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

using namespace espalier;
using namespace espalier::testing;

TEST_CASE("a run of a plan allocates nothing") {
  for (double density : {1.0, 0.05}) {
    nn::Sequential model(
        {std::make_shared<nn::Conv2d>(3, 16, 3, nn::Conv2d::Options{.padding = 1}),
         std::make_shared<nn::BatchNorm2d>(16),
         std::make_shared<nn::Conv2d>(16, 20, 3, nn::Conv2d::Options{.stride = 2, .padding = 1})});
    nn::initialise(model, 1);
    if (density < 1.0) prune_convolutions(model, density, false, 1);
    for (std::int64_t batch : {1, 20}) {
      infer::Plan plan = infer::compile(model, {3, 16, 16}, {.batch = batch});
      std::vector<float> images(static_cast<std::size_t>(batch * 3 * 16 * 16), 0.5f);
      std::vector<float> results(static_cast<std::size_t>(batch * plan.executor().result_floats()));
      plan.run(images, results);
      const long before = g_allocations;
      const AllocatorStats tensors = allocator_stats();
      for (int i = 0; i < 3; ++i) plan.run(images, results);
      CHECK(g_allocations == before);
      CHECK(allocator_stats().in_use_bytes == tensors.in_use_bytes);
      CHECK(allocator_stats().system_allocations == tensors.system_allocations);
    }
  }
}
