#include "framework/ops/repeat_batch.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("repeat_batch: gradient") {
  for (std::int64_t n : {1, 5, 16, 17}) {
    CAPTURE(n);
    const auto run = [n](const std::vector<Tensor>& in) { return ops::repeat_batch(in[0], n); };
    for (const Shape& shape : {Shape{1, 7}, Shape{1, 3, 5}, Shape{1, 3, 2, 2}, Shape{1, 2, 3, 3}}) {
      CAPTURE(shape.str());
      check_gradients(run, {random_tensor(shape, Layout::plain, 1)});
    }
  }
}

TEST_CASE("repeat_batch: PyTorch's values") {
  check_golden("repeat_batch", [](const std::vector<Tensor>& in) { return ops::repeat_batch(in[0], 3); });
}

TEST_CASE("repeat_batch takes one plain image") {
  CHECK_THROWS_WITH_AS(ops::repeat_batch(random_tensor({2, 3}, Layout::plain, 1), 4),
                       "[repeat_batch] x expects a plain tensor whose dimension 0 is 1, got plain [2, 3]",
                       Error);
  CHECK_THROWS_AS(ops::repeat_batch(random_tensor({1, 3}, Layout::lanes, 1), 4), Error);
  CHECK_THROWS_AS(ops::repeat_batch(random_tensor({1, 3}, Layout::plain, 1), 0), Error);
}
