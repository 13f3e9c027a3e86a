#include "framework/ops/log.h"

#include <doctest/doctest.h>

#include "framework/tensor/lanes.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("log: gradient") {
  for (const Shape& shape : {Shape{1, 3, 5, 5}, Shape{5, 7}, Shape{16, 2, 2, 3}, Shape{17, 3, 4}}) {
    CAPTURE(shape.str());
    for (Layout layout : {Layout::lanes, Layout::plain}) {
      Tensor x = random_tensor(shape, layout, 1, 0.3f);
      for (std::int64_t i = 0; i < x.storage_elements(); ++i) x.data()[i] = 1.0f + x.data()[i] * x.data()[i];
      check_gradients([](const std::vector<Tensor>& in) { return ops::log(in[0]); }, {x});
    }
  }
}

TEST_CASE("log: PyTorch's values") {
  check_golden("log", [](const std::vector<Tensor>& in) { return ops::log(in[0]); });
}

// The padding lanes of a batch of 5 are 0: what log makes of them must not reach a sum over the batch.
TEST_CASE("log leaves zeros in the padding lanes, forward and backward") {
  Tensor x = to_lanes(Tensor::full({5, 2}, 4.0f));
  x.set_requires_grad();
  const Tensor y = ops::log(x);
  testing::backward_with(y, to_lanes(Tensor::full({5, 2}, 1.0f)));
  for (const Tensor& t : {y, x.grad()}) {
    for (std::int64_t i = 0; i < t.storage_elements(); ++i) {
      if (i % 16 >= 5) CHECK(t.data()[i] == 0.0f);
    }
  }
}
