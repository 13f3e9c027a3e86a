#include "framework/ops/softmax.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

Tensor run(const std::vector<Tensor>& in) { return ops::softmax(in[0]); }

}  // namespace

TEST_CASE("softmax: gradient") {
  // The last two have padding between planes and have none.
  for (const Shape& shape :
       {Shape{1, 10}, Shape{5, 3}, Shape{16, 7}, Shape{17, 3, 5}, Shape{17, 2, 3, 4}, Shape{5, 2, 3, 3}}) {
    CAPTURE(shape.str());
    check_gradients(run, {random_tensor(shape, Layout::lanes, 1)});
  }
}

TEST_CASE("softmax: PyTorch's values") {
  check_golden("softmax: images", run);
  check_golden("softmax: tokens", run);
  check_golden("softmax: planes", run);
}

TEST_CASE("softmax expects activations") {
  CHECK_THROWS_WITH_AS(run({Tensor::zeros({2, 3})}),
                       "[softmax] x expects lanes of rank 2 to 4, got plain [2, 3]", Error);
}

TEST_CASE("softmax of nothing is nothing") {
  for (const Shape& shape : {Shape{0, 5}, Shape{3, 0}, Shape{3, 2, 0, 4}}) {
    CAPTURE(shape.str());
    CHECK(run({Tensor::zeros(shape, Layout::lanes)}).shape() == shape);
  }
}
