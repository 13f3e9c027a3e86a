#include "framework/ops/avg_pool2d.h"

#include <doctest/doctest.h>

#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

auto run(ops::Pool2dOptions options) {
  return [options](const std::vector<Tensor>& in) { return ops::avg_pool2d(in[0], options); };
}

}  // namespace

TEST_CASE("avg_pool2d: gradient") {
  for (const Shape& shape : {Shape{1, 3, 4, 4}, Shape{5, 2, 5, 7}, Shape{16, 3, 3, 3}, Shape{17, 1, 4, 5}}) {
    CAPTURE(shape.str());
    check_gradients(run({.kernel = 2}), {random_tensor(shape, Layout::lanes, 1)});
    check_gradients(run({.kernel = 3, .stride = 2, .padding = 1}), {random_tensor(shape, Layout::lanes, 1)});
  }
}

TEST_CASE("avg_pool2d: PyTorch's values") {
  check_golden("avg_pool2d: 2x2", run({.kernel = 2}));
  check_golden("avg_pool2d: overlapping, padded", run({.kernel = 3, .stride = 2, .padding = 1}));
}
