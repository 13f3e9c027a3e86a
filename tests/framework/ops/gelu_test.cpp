#include "framework/ops/gelu.h"

#include <doctest/doctest.h>

#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("gelu: gradient") {
  for (const Shape& shape : {Shape{1, 3, 5, 5}, Shape{5, 7}, Shape{16, 2, 2, 3}, Shape{17, 3, 4}}) {
    CAPTURE(shape.str());
    for (Layout layout : {Layout::lanes, Layout::plain}) {
      for (ops::Gelu formula : {ops::Gelu::erf, ops::Gelu::tanh}) {
        check_gradients([formula](const std::vector<Tensor>& in) { return ops::gelu(in[0], formula); },
                        {random_tensor(shape, layout, 1)});
      }
    }
  }
}

TEST_CASE("gelu: PyTorch's values") {
  check_golden("gelu: erf", [](const std::vector<Tensor>& in) { return ops::gelu(in[0]); });
  check_golden("gelu: tanh", [](const std::vector<Tensor>& in) { return ops::gelu(in[0], ops::Gelu::tanh); });
}
