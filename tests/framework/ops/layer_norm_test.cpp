#include "framework/ops/layer_norm.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

namespace {

Tensor run(const std::vector<Tensor>& in) { return ops::layer_norm(in[0], in[1], in[2]); }

}  // namespace

TEST_CASE("layer_norm: gradient") {
  for (const Shape& shape : {Shape{1, 10}, Shape{5, 6}, Shape{16, 7}, Shape{17, 3, 5}, Shape{3, 37, 8}}) {
    CAPTURE(shape.str());
    const Shape features = {shape[-1]};
    check_gradients(run, {random_tensor(shape, Layout::lanes, 1), random_tensor(features, Layout::plain, 2),
                          random_tensor(features, Layout::plain, 3)});
  }
}

TEST_CASE("layer_norm: PyTorch's values") {
  check_golden("layer_norm: images", run);
  check_golden("layer_norm: tokens", run);
}

TEST_CASE("layer_norm says what does not fit") {
  const Tensor x = random_tensor({2, 3, 4}, Layout::lanes, 1);
  CHECK_THROWS_WITH_AS(run({x, Tensor::zeros({3}), Tensor::zeros({4})}),
                       "[layer_norm] gamma expects plain [4], got plain [3]", Error);
  CHECK_THROWS_WITH_AS(run({random_tensor({2, 3, 4, 4}, Layout::lanes, 1), x, x}),
                       "[layer_norm] x expects [N, C] or [N, T, C] in lanes, got lanes [2, 3, 4, 4]", Error);
}
