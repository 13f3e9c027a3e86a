#include "framework/ops/max_pool2d.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "framework/tensor/lanes.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

auto run(ops::Pool2dOptions options) {
  return [options](const std::vector<Tensor>& in) { return ops::max_pool2d(in[0], options); };
}

// Distinct values far enough apart that no finite difference changes the winner.
Tensor ranked(const Shape& shape) {
  Tensor x = Tensor::empty(shape);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    x.data()[i] = 0.1f * static_cast<float>(i * 37 % x.numel()) - 1.0f;
  }
  return to_lanes(x);
}

}  // namespace

TEST_CASE("max_pool2d: gradient") {
  for (const Shape& shape : {Shape{1, 3, 4, 4}, Shape{5, 2, 5, 7}, Shape{17, 1, 4, 5}}) {
    CAPTURE(shape.str());
    check_gradients(run({.kernel = 2}), {ranked(shape)});
    check_gradients(run({.kernel = 3, .stride = 2, .padding = 1}), {ranked(shape)});
    check_gradients(run({.kernel = 3, .stride = 1}), {ranked(shape)});
  }
}

TEST_CASE("max_pool2d: PyTorch's values") {
  check_golden("max_pool2d: 2x2", run({.kernel = 2}));
  check_golden("max_pool2d: overlapping, padded", run({.kernel = 3, .stride = 2, .padding = 1}));
}

TEST_CASE("max_pool2d says what does not fit") {
  const Tensor x = random_tensor({2, 3, 2, 2}, Layout::lanes, 1);
  CHECK_THROWS_WITH_AS(ops::max_pool2d(x, {.kernel = 3, .padding = 2}),
                       "[max_pool2d] padding expects at most half of kernel 3, got 2", Error);
  CHECK_THROWS_WITH_AS(
      ops::max_pool2d(x, {.kernel = 3}),
      "[max_pool2d] the 3 x 3 kernel expects a plane at least as large, got 2 x 2 with padding; "
      "check whether the model is too deep for this image size",
      Error);
}
