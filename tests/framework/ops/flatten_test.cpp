#include "framework/ops/flatten.h"

#include <doctest/doctest.h>

#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

Tensor run(const std::vector<Tensor>& in) { return ops::flatten(in[0]); }

}  // namespace

TEST_CASE("flatten: gradient") {
  for (const Shape& shape : {Shape{1, 3, 2, 2}, Shape{5, 2, 3, 3}, Shape{16, 2, 3}, Shape{17, 2, 1, 4}}) {
    CAPTURE(shape.str());
    check_gradients(run, {random_tensor(shape, Layout::lanes, 1)});
  }
}

TEST_CASE("flatten: PyTorch's values") { check_golden("flatten", run); }
