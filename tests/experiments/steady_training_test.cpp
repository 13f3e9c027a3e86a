// What a training step takes from the system once training is under way.
#include <doctest/doctest.h>

#include "experiments/bench/train.h"
#include "experiments/bench/training_step.h"
#include "framework/tensor/storage.h"

namespace espalier {
namespace {

const bench::SubjectOptions kSmallResNet = {.model = "resnet20", .overrides = {"width=8"}};
constexpr std::int64_t kBatch = 16;

TEST_CASE("once training is under way, a step asks the system for no block of memory and hardly a page") {
  for (const DType precision : {DType::f32, DType::bf16}) {
    CAPTURE(dtype_name(precision));
    // The tensors of a step take thousands of pages. All their blocks are there after two or three steps, but
    // change hands for some more: the largest of those that share a block is the first to touch its end.
    const bench::TrainSpeed speed = bench::measure_training(
        {.subject = kSmallResNet, .batch = kBatch, .precision = precision, .steps = 20, .warm_up = 20});
    CHECK(speed.system_allocations == 0.0);
#if !defined(__SANITIZE_ADDRESS__)  // its malloc keeps back what was freed, and takes fresh pages instead
    CHECK(speed.page_faults < 1.0);
#endif
  }
}

TEST_CASE("a few steps are enough for the pool to hold every block that a step needs") {
  const bench::Subject subject = bench::find_subject(kSmallResNet);
  bench::TrainingStep step(subject, kBatch, DType::f32);
  release_cached_memory();
  const auto blocks_of = [&](int steps) {
    const std::uint64_t before = allocator_stats().system_allocations;
    for (int i = 0; i < steps; ++i) step.run();
    return allocator_stats().system_allocations - before;
  };
  CHECK(blocks_of(3) > 0);
  CHECK(blocks_of(5) == 0);
}

}  // namespace
}  // namespace espalier
