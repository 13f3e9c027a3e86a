#include "framework/ops/global_avg_pool.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

Tensor run(const std::vector<Tensor>& in) { return ops::global_avg_pool(in[0]); }

}  // namespace

TEST_CASE("global_avg_pool: gradient") {
  for (const Shape& shape : {Shape{1, 3, 4, 4}, Shape{5, 7, 1, 1}, Shape{16, 2, 3, 3}, Shape{17, 5, 2, 3}}) {
    CAPTURE(shape.str());
    check_gradients(run, {random_tensor(shape, Layout::lanes, 1)});
  }
}

TEST_CASE("global_avg_pool: PyTorch's values") { check_golden("global_avg_pool", run); }

TEST_CASE("global_avg_pool expects images") {
  CHECK_THROWS_WITH_AS(ops::global_avg_pool(random_tensor({2, 3}, Layout::lanes, 1)),
                       "[global_avg_pool] x expects [N, C, H, W] in lanes, got lanes [2, 3]", Error);
}
