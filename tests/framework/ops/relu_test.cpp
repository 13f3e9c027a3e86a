#include "framework/ops/relu.h"

#include <doctest/doctest.h>

#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("relu clamps negatives to zero") {
  CHECK(ops::relu(Tensor::from({-1.0f, 0.0f, 2.5f}, {3})).to_vector() ==
        std::vector<float>{0.0f, 0.0f, 2.5f});
}

TEST_CASE("relu: gradient") {
  // Values near the kink at 0 have no derivative to compare with: keep away from it.
  for (const Shape& shape : {Shape{1, 3, 5, 5}, Shape{17, 2, 3, 4}, Shape{16, 7}}) {
    Tensor x = random_tensor(shape, Layout::lanes, 1);
    for (std::int64_t i = 0; i < x.storage_elements(); ++i) x.data()[i] += x.data()[i] < 0 ? -0.1f : 0.1f;
    check_gradients([](const std::vector<Tensor>& in) { return ops::relu(in[0]); }, {x});
  }
}

TEST_CASE("relu: PyTorch's values") {
  testing::check_golden("relu", [](const std::vector<Tensor>& in) { return ops::relu(in[0]); });
}
