#include "framework/ops/exp.h"

#include <doctest/doctest.h>

#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("exp: gradient") {
  for (const Shape& shape : {Shape{1, 3, 5, 5}, Shape{5, 7}, Shape{16, 2, 2, 3}, Shape{17, 3, 4}}) {
    CAPTURE(shape.str());
    for (Layout layout : {Layout::lanes, Layout::plain}) {
      check_gradients([](const std::vector<Tensor>& in) { return ops::exp(in[0]); },
                      {random_tensor(shape, layout, 1)});
    }
  }
}

TEST_CASE("exp: PyTorch's values") {
  check_golden("exp", [](const std::vector<Tensor>& in) { return ops::exp(in[0]); });
}
